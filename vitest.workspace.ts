import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const WITH_POSTGRES = new Set(['core', 'stories'])
const conditions = ['@wamux/source', 'node', 'module', 'default']

const project = (name: string, root: string) => ({
  extends: true as const,
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    name,
    root,
    include: [name === 'stories' ? '**/*.test.ts' : 'test/**/*.test.ts'],
    environment: 'node' as const,
    globalSetup: WITH_POSTGRES.has(name)
      ? [fileURLToPath(new URL('scripts/postgres-for-tests.mjs', import.meta.url))]
      : [],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})

export default defineConfig({
  test: {
    reporters: ['default', './scripts/plain-reporter.mjs'],
    pool: 'forks',
    maxWorkers: 2,
    coverage: { provider: 'v8', include: ['packages/*/src/**/*.ts'], reporter: ['text-summary', 'json-summary'] },
    projects: [
      ...['core', 'contract', 'server', 'client', 'emulator'].map((name) => project(name, `packages/${name}`)),
      project('stories', 'tests'),
    ],
  },
})
