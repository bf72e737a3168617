import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { CliProcess } from './cli-process.ts'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [CLI, ...args], (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr })
    })
  })
}

test.each([
  [['--tls-port', '65536'], 64, '--tls-port must be a number'],
  [['--port', 'many'], 64, '--port must be a number'],
  [['--sate', 'x.db'], 64, '--sate'],
  [['--chatstate-ttl', 'long'], 64, '--chatstate-ttl must be a whole number'],
  [['--start-at', 'yesterday'], 64, '--start-at must be a time'],
  [['--port', '0', '--state', '/nowhere/at/all/network.db'], 1, 'directory'],
])('called with %j it ends with %i and says why', async (args, code, reason) => {
  const ended = await run(...args)
  expect(ended.code).toBe(code)
  expect(ended.stderr).toContain(reason)
})

test('--help explains itself', async () => {
  const { code, stdout } = await run('--help')
  expect(code).toBe(0)
  expect(stdout).toContain('--state <file>')
})

test('the clock begins where it is told to, and stands still', async () => {
  const emulator = new CliProcess()
  try {
    await emulator.start('--start-at', '2026-01-31T12:00Z', '--frozen', '--chatstate-ttl', '5')
    expect(await emulator.get('/admin/clock')).toEqual({ now: Date.parse('2026-01-31T12:00Z') })
    const { body } = await emulator.post('/admin/clock/advance', { ms: 1000 })
    expect(body).toEqual({ now: Date.parse('2026-01-31T12:00:01Z') })
  } finally {
    await emulator.end()
  }
})

test('--version prints that of the package', async () => {
  const { code, stdout } = await run('--version')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^\d+\.\d+\.\d+/)
})
