import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@wamux/client'
import Database from 'better-sqlite3'
import { afterEach, expect, test } from 'vitest'
import { Program } from '../harness/process.ts'
import { until } from '../harness/story.ts'

const MAX = '491234567890'
const TIMEOUT_MS = 120_000

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

test(
  'the sandbox, killed as a whole, comes back as the same instance, phone and identity with its history',
  async () => {
    const data = mkdtempSync(join(tmpdir(), 'wamux-sandbox-'))
    open.push(async () => rmSync(data, { recursive: true }))
    const args = ['serve', '--sandbox', '--port', '0', '--data', data]
    const sandbox = new Program('packages/server/src/cli/index.ts', args, { WAMUX_EMULATOR_PORT: '0' })
    open.push(() => sandbox.kill())
    const look = async () => {
      const [, url = ''] = await sandbox.start(/(http:\/\/127\.0\.0\.1:\d+)\/api\/send-message/)
      const { apiKey } = JSON.parse(readFileSync(join(data, 'sandbox.json'), 'utf8')) as { apiKey: string }
      const session = createClient({ url, apiKey }).session('demo')
      await until(async () => (await session.info()).state === 'ready')
      return session
    }
    const before = await look()
    await before.send(MAX, 'Hallo')
    await until(async () => (await before.recentMessages()).data.length === 2)
    const { account } = await before.info()
    const history = (await before.recentMessages()).data.map(({ id, body }) => [id, body])
    const devices = devicesIn(data)
    expect(devices).toHaveLength(1)
    for (let kill = 0; kill < 2; kill++) {
      await sandbox.kill()
      const again = await look()
      expect((await again.info()).account).toEqual(account)
      expect((await again.recentMessages()).data.map(({ id, body }) => [id, body])).toEqual(history)
      expect(devicesIn(data)).toEqual(devices)
    }
  },
  TIMEOUT_MS,
)

/** What the network knows of the linked devices: a new linking would be a new row, a new identity another key. */
function devicesIn(data: string): unknown[] {
  const db = new Database(join(data, 'emulator.db'), { readonly: true })
  try {
    return db.prepare('SELECT phone, device, identity_key, noise_key, linked_at FROM devices').all()
  } finally {
    db.close()
  }
}
