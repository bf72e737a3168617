import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createEmulator } from '../src/index.ts'

const FOLDER = new URL('../examples/', import.meta.url)
const run = promisify(execFile)

/** Runs a story in a process of its own; it ends by itself and fails on anything unexpected. */
async function tell(name: string, ...args: string[]): Promise<string> {
  const file = fileURLToPath(new URL(`${name}.ts`, FOLDER))
  const { stdout } = await run(process.execPath, ['--conditions=@wamux/source', file, ...args], { timeout: 60_000 })
  return stdout
}

const stories = ['ping', 'group', 'faults']

test('every example is run by a test', () => {
  const files = readdirSync(FOLDER).map((file) => file.replace(/\.ts$/, ''))
  expect(files.sort()).toEqual([...stories, 'bot', 'over-http'].sort())
})

test.each(stories)('the example %s does what it says', { timeout: 60_000 }, async (name) => {
  expect(await tell(name)).toContain(`${name}: ok`)
})

test('the example over-http does it with an emulator in another process', { timeout: 60_000 }, async () => {
  const emulator = await createEmulator({ strict: true })
  try {
    expect(await tell('over-http', emulator.controlUrl)).toContain('over-http: ok')
  } finally {
    await emulator.close()
  }
})
