import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

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
