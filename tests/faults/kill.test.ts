import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ClientSession, createClient } from '@wamux/client'
import Database from 'better-sqlite3'
import { afterEach, expect, test } from 'vitest'
import { Program } from '../harness/process.ts'
import { until } from '../harness/story.ts'

const MAX = '491234567890'
const PHONE = '491700000001'
const KILLS = 5
const MESSAGES = 50
/** `test:all` takes the documented 1.5–3 s. */
const [PACING, TIMEOUT_MS] = process.env.WAMUX_LONG ? [{}, 400_000] : [{ PACING_MIN: '30', PACING_MAX: '60' }, 120_000]

interface Heard {
  id: string
  from: string
  text: string
  copies: number
}

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

/** A folder and two processes: the network, which lives on, and the server, which does not. */
async function network(): Promise<{ control: string; data: string }> {
  const data = mkdtempSync(join(tmpdir(), 'wamux-kill-'))
  const emulator = new Program('packages/emulator/src/cli.ts', ['--port', '0', '--state', join(data, 'network.db')])
  open.push(async () => {
    await emulator.kill()
    rmSync(data, { recursive: true })
  })
  const [, control = ''] = await emulator.start(/(http:\/\/[^/]+)\/admin/)
  return { control, data }
}

/** A control route of the network. */
async function post(url: string, body: object | string): Promise<void> {
  const answer = await fetch(url, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`)
}

async function heardBy(control: string, phone: string): Promise<Heard[]> {
  return (await (await fetch(`${control}/admin/contacts/${phone}/messages`)).json()) as Heard[]
}

async function login(url: string): Promise<ClientSession> {
  const client = createClient({ url })
  await client.login({ username: 'admin', password: 'correct horse battery staple' })
  return client.session('demo')
}

async function link(url: string, control: string): Promise<ClientSession> {
  const client = createClient({ url })
  await client.login({ username: 'admin', password: 'correct horse battery staple' })
  await client.sessions.create({ id: 'demo' })
  const session = client.session('demo')
  let qr: string | null = null
  await until(async () => {
    qr = (await session.qr()).qr
    return qr !== null
  })
  await post(`${control}/admin/mock-phone/scan-qr?phone=${PHONE}`, qr ?? '')
  await until(async () => (await session.info()).state === 'ready')
  return session
}

test(
  `a server killed ${KILLS} times in the middle of a batch sends each message once`,
  async () => {
    const { control, data } = await network()
    await post(`${control}/admin/contacts`, { phone: MAX, name: 'Max Mustermann', behaviour: 'silent' })
    const server = new Program('tests/faults/server.ts', [], {
      EMULATOR: control,
      DATA: join(data, 'wamux'),
      ...PACING,
    })
    open.push(() => server.kill())
    const start = async () => (await server.start(/server (\S+)/))[1] ?? ''

    let url = await start()
    const session = await link(url, control)
    const texts = Array.from({ length: MESSAGES }, (_, index) => `Nachricht ${index}`)
    const batch = await session.sendBulk(texts.map((message) => ({ phone: MAX, message })))
    for (let kill = 1; kill <= KILLS; kill++) {
      // Each time when a few more have arrived, at whatever instant of the next one that is.
      await until(async () => (await heardBy(control, MAX)).length >= (kill * MESSAGES) / (KILLS + 2))
      await server.kill()
      url = await start()
    }
    const after = await login(url)
    await until(async () => (await after.batch(batch.batchId)).counts.delivered === MESSAGES)

    const heard = await heardBy(control, MAX)
    expect(heard.map(({ text }) => text)).toEqual(texts)
    expect(heard.map(({ id }) => id)).toEqual(batch.messages.map(({ messageId }) => messageId))
    // The phone shows one message per id; how many the wire carried more is bounded by the window, once per kill.
    const repeats = heard.reduce((sum, { copies }) => sum + copies - 1, 0)
    expect(repeats).toBeLessThanOrEqual(KILLS * 4)
  },
  TIMEOUT_MS,
)

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
