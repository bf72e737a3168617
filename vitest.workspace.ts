import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification, type Vite } from 'vitest/node'

const WITH_POSTGRES = new Set(['core', 'stories'])
const conditions = ['@wamux/source', 'node', 'module', 'default']

/** The file that takes longest goes first: at the end one worker would wait for the other. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLongest = ({ moduleId }: TestSpecification) => moduleId.endsWith('tests/faults/suites.test.ts')
    const sorted = await super.sort(files)
    return [...sorted.filter(isLongest), ...sorted.filter((file) => !isLongest(file))]
  }
}

/** `WAMUX_BROKEN`: a build that is broken on purpose, on which a story has to fail (`tests/faults/stories.test.ts`). */
const broken = process.env.WAMUX_BROKEN
const edits = broken === undefined ? {} : (await import('./tests/faults/runner/build.ts')).editsOf(broken)
const breaking: Vite.Plugin = {
  name: 'broken-on-purpose',
  enforce: 'pre',
  transform: (text, id) => edits[id]?.(text),
}

const project = (name: string, root: string) => ({
  extends: true as const,
  plugins: broken === undefined ? [] : [breaking],
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
    // It is not told from the good one there.
    fsModuleCache: broken === undefined,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})

export default defineConfig({
  test: {
    reporters: ['default', './scripts/plain-reporter.mjs'],
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    coverage: { provider: 'v8', include: ['packages/*/src/**/*.ts'], reporter: ['text-summary', 'json-summary'] },
    projects: [
      ...['core', 'contract', 'server', 'client', 'emulator'].map((name) => project(name, `packages/${name}`)),
      project('stories', 'tests'),
    ],
  },
})
