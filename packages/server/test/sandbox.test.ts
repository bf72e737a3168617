import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { apiKeys } from '@wamux/core/stores'
import { createEmulator, trustEmulator } from '@wamux/emulator'
import { expect, onTestFinished, test } from 'vitest'
import { readKey } from '../src/auth/api-keys.ts'
import { type Sandbox, startSandbox } from '../src/sandbox.ts'
import { createServer } from '../src/server.ts'
import { api, folder, PASSWORD } from './helpers.ts'

const KEY = `wapi_${'k'.repeat(12)}_${'s'.repeat(43)}`

async function sandbox(data: string, adminPassword?: string): Promise<Sandbox> {
  const made = await startSandbox({
    data,
    port: 0,
    emulatorPort: 0,
    ...(adminPassword !== undefined && { adminPassword }),
  })
  onTestFinished(() => made.close())
  return made
}

const stateOf = async ({ server }: Sandbox) => (await server.manager.session('demo').info()).state

test('a first start that was killed between creating and linking is finished by the next one', async () => {
  const data = await folder()
  await writeFile(join(data, 'sandbox.json'), JSON.stringify({ apiKey: KEY, adminPassword: PASSWORD }))
  const emulator = await createEmulator({ file: join(data, 'emulator.db') })
  trustEmulator(emulator.rootPublicKey)
  const server = await createServer({ port: 0, data, adminPassword: PASSWORD, baileys: emulator.socketConfig })
  const shown = new Promise<void>((resolve) => server.manager.once('qr', () => resolve()))
  await server.manager.create({
    id: 'demo',
    setup: () =>
      apiKeys.add({ id: 'k'.repeat(12), session: 'demo', hash: readKey(KEY)?.hash ?? '', createdAt: Date.now() }),
  })
  await shown
  await server.close()
  await emulator.close()

  const running = await sandbox(data)
  expect(running.apiKey).toBe(KEY)
  expect(await stateOf(running)).toBe('ready')
  const { status } = await api(running.server.url).call('GET', '/api/instances/demo', { key: KEY })
  expect(status).toBe(200)
})

test('an instance that somebody stopped stays stopped', async () => {
  const data = await folder()
  const first = await sandbox(data)
  await first.server.manager.session('demo').stop()
  await first.close()
  expect(await stateOf(await sandbox(data))).toBe('stopped')
})

test('a password that is given is used, and not written down', async () => {
  const data = await folder()
  const running = await sandbox(data, PASSWORD)
  expect(running.adminPassword).toBeUndefined()
  const body = { username: 'admin', password: PASSWORD }
  expect((await api(running.server.url).call('POST', '/api/auth/login', { body })).status).toBe(200)
  expect(await readFile(running.file, 'utf8')).not.toContain(PASSWORD)
})

test.each(['{"apiKey": "mine"}', 'null', 'half {'])(
  'a file %s that the sandbox did not write is not overwritten',
  async (text) => {
    const data = await folder()
    await mkdir(data, { recursive: true })
    await writeFile(join(data, 'sandbox.json'), text)
    await expect(sandbox(data)).rejects.toThrow('sandbox.json')
    expect(await readFile(join(data, 'sandbox.json'), 'utf8')).toBe(text)
  },
)
