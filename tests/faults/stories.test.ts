import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { brokenInStories } from './runner/broken-in-stories.ts'

/** Each begins a runner of its own, and may wait for what never comes. */
const TIMEOUT_MS = 240_000

// A story that cannot fail says nothing either.
test.runIf(process.env.WAMUX_LONG !== undefined).each(Object.entries(brokenInStories))(
  'a story fails on the broken build %s',
  async (name, { story }) => {
    expect(await failuresOn(name, story)).toBeGreaterThan(0)
  },
  TIMEOUT_MS,
)

/** How many tests of a story fail with that build. */
async function failuresOn(name: string, { file, title }: { file: string; title: string }): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'wamux-broken-'))
  const outputFile = join(folder, 'report.json')
  const how = ['--project', 'stories', '--reporter', 'json', '--outputFile', outputFile]
  const env = { ...process.env, WAMUX_BROKEN: name, WAMUX_LONG: undefined }
  try {
    const args = ['vitest', 'run', '--config', 'vitest.workspace.ts', ...how, `tests/${file}`, '-t', title]
    // That it exits with an error is what is wanted.
    const said = await new Promise<string>((resolve) => {
      execFile('npx', args, { env, maxBuffer: 2 ** 26 }, (_, out, err) => resolve(out + err))
    })
    const { numFailedTests, numPassedTests } = JSON.parse(readFileSync(outputFile, 'utf8'))
    expect(numFailedTests + numPassedTests, said).toBeGreaterThan(0)
    return numFailedTests
  } finally {
    rmSync(folder, { recursive: true })
  }
}
