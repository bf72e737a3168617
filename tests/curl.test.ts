import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Message, SentMessage } from '@wamux/client'
import { afterEach, expect, test } from 'vitest'
import { Program } from './harness/process.ts'
import { until } from './harness/story.ts'

/** The lines that `npm start` prints are copied by people: here a real shell and a real curl run them as they stand. */
const CURL = 'apt-get install curl'
const hasCurl = spawnSync('curl', ['--version']).status === 0
const isSkipped = !hasCurl && !process.env.WAMUX_LONG
const note = isSkipped ? ` (skipped: ${CURL})` : ''
// A run that is otherwise green does not list what it skipped.
if (isSkipped) console.warn(`Skipped, as there is no curl: the printed curl lines. ${CURL}`)

const ends: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** `wamux` with its own data, on any port. */
function wamux(...args: string[]): Program {
  const data = mkdtempSync(join(tmpdir(), 'wamux-curl-'))
  const program = new Program('packages/server/src/cli/index.ts', [...args, '--port', '0', '--data', data])
  ends.push(async () => {
    await program.kill()
    rmSync(data, { recursive: true })
  })
  return program
}

/** The curl commands in what was printed, with the lines that they go on in. */
const commandsIn = ({ output }: Program) => output.join('\n').match(/^ {2}curl (?:.*\\\n)*.*$/gm) ?? []

/** What the command prints; rejects when it fails. */
async function shell<T>(command: string): Promise<T> {
  const { stdout } = await promisify(execFile)('sh', ['-c', `${command} --silent --show-error --fail`])
  return JSON.parse(stdout) as T
}

test.skipIf(isSkipped)(`the lines of the sandbox send a message and read the answer of Max${note}`, async () => {
  if (!hasCurl) throw new Error(`There is no curl: ${CURL}`)
  const sandbox = wamux('serve', '--sandbox', '--emulator-port', '0')
  await sandbox.start(/messages\/recent/)
  const [send = '', read = '', ...others] = commandsIn(sandbox)
  expect(others).toEqual([])
  expect(await shell<{ data: SentMessage }>(send)).toEqual({
    success: true,
    data: { messageId: expect.stringMatching(/^3EB0[0-9A-F]{18}$/), phone: '491234567890', status: 'sent' },
  })
  let messages: Message[] = []
  await until(async () => {
    messages = (await shell<{ data: Message[] }>(read)).data
    return messages.some(({ isFromMe }) => !isFromMe)
  })
  // The answer may be of the same second as the message, or of the one before: WhatsApp's times are no finer.
  expect(messages.map(({ body, isFromMe, contactName }) => ({ body, isFromMe, contactName }))).toEqual(
    expect.arrayContaining([
      { body: 'Hallo!', isFromMe: true, contactName: 'Max Mustermann' },
      { body: 'Hallo!', isFromMe: false, contactName: 'Max Mustermann' },
    ]),
  )
  expect(messages).toHaveLength(2)
  expect(await sandbox.stop()).toBe(0)
})

test.skipIf(isSkipped)(`the line of the first start makes the administrator, once${note}`, async () => {
  if (!hasCurl) throw new Error(`There is no curl: ${CURL}`)
  const server = wamux('serve')
  await server.start(/"password": "…"/)
  const [setUp = '', ...others] = commandsIn(server)
  expect(others).toEqual([])
  const command = setUp.replace('"…"', '"correct horse battery staple"')
  expect(await shell(command)).toMatchObject({ success: true, data: { token: expect.any(String) } })
  await expect(shell(command)).rejects.toThrow('curl')
  expect(await server.stop()).toBe(0)
})
