import { defineConfig } from 'vitest/config'

const conditions = ['@wamux/source', 'node', 'import', 'module', 'default']

const project = (name: string, root: string) => ({
  extends: true as const,
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    name,
    root,
    include: [name === 'stories' ? '**/*.test.ts' : 'test/**/*.test.ts'],
    environment: 'node' as const,
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
