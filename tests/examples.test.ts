import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ClientSession, createClient, webhooks } from '@wamux/client'
import type { EventEnvelope } from '@wamux/core'
import { type Contact, createEmulator, type Emulator, trustEmulator } from '@wamux/emulator'
import { createServer, type Server } from '@wamux/server'
import { pino } from 'pino'
import { afterEach, expect, test } from 'vitest'
import { Program } from './harness/process.ts'
import { MAX, qrOf, until } from './harness/story.ts'

const OWN = '491700000001'
const ROOT = fileURLToPath(new URL('..', import.meta.url))

const ends: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

interface World {
  emulator: Emulator
  server: Server
  apiKey: string
  demo: ClientSession
  max: Contact
}

/** Server and network as in the sandbox, but Max only listens: what the examples answer is all that he hears. */
async function world(): Promise<World> {
  const errors: string[] = []
  const data = folder('server')
  const emulator = await createEmulator({ strict: true })
  trustEmulator(emulator.rootPublicKey)
  const server = await createServer({
    data,
    port: 0,
    adminPassword: 'correct horse battery staple',
    pacingMinMs: 1,
    pacingMaxMs: 5,
    baileys: emulator.socketConfig,
    allowLoopback: true,
    logger: pino({ level: 'error' }, { write: (line) => void errors.push(line) }),
  })
  ends.push(async () => {
    await server.close()
    await emulator.close()
    expect(errors).toEqual([])
  })
  const client = createClient({ url: server.url })
  await client.login({ username: 'admin', password: 'correct horse battery staple' })
  const { apiKey = '' } = await client.sessions.create({ id: 'demo' })
  const demo = client.session('demo')
  await emulator.phone(OWN, { name: 'Demo' }).scans(await qrOf(demo))
  await until(async () => (await demo.info()).state === 'ready')
  return { emulator, server, apiKey, demo, max: emulator.contact(MAX, { name: 'Max Mustermann' }) }
}

function folder(name: string): string {
  const path = mkdtempSync(join(tmpdir(), `wamux-examples-${name}-`))
  ends.push(() => rmSync(path, { recursive: true }))
  return path
}

function program(file: string, env: NodeJS.ProcessEnv): Program {
  const made = new Program(file, [], env)
  ends.push(() => made.kill())
  return made
}

const texts = (max: Contact) => max.messages().map(({ text }) => text)

/** The example without its first lines, and with the documentation's URL and key again. */
function asDocumented(file: string): string {
  return readFileSync(join(ROOT, 'examples', file), 'utf8')
    .replace(/^\/\*\*.*?\*\/\n/s, '')
    .replace(/^(#.*\n)+\n/, '')
    .replace("process.env.WAMUX_URL ?? 'http://127.0.0.1:3000'", "'https://wa.outrnk.io'")
    .replace("process.env.WAMUX_API_KEY ?? 'wapi_YOUR_API_KEY'", "'wapi_YOUR_API_KEY'")
    .replace('__import__("os").environ.get("WAMUX_URL", "http://127.0.0.1:3000")', '"https://wa.outrnk.io"')
    .replace('__import__("os").environ.get("WAMUX_API_KEY", "wapi_YOUR_API_KEY")', '"wapi_YOUR_API_KEY"')
}

test.each([
  ['chatbot-node/bot.cjs', '6a2d65d055b1ed6ab146d63507fd5064314a8b6a9bb1b29d2a6e5adb7ac613d1'],
  ['client-python/client.py', 'c48eb5e5a80d1fc0abf3274f012ad4c0aef6b0c11b6127ed0ce1f637b388a941'],
])('%s is the documentation, byte for byte, but for URL and key', (file, sha256) => {
  expect(createHash('sha256').update(asDocumented(file)).digest('hex')).toBe(sha256)
})

/**
 * Loaded before the documented bot, whose port is fixed: the 4000 that it asks for becomes a free one, and each
 * delivery is printed as it comes in.
 */
const ANY_PORT = `data:text/javascript,${encodeURIComponent(`
  import { Server } from 'node:net'
  const { listen } = Server.prototype
  Server.prototype.listen = function (port, ...rest) {
    this.on('request', ({ headers }) => console.log('delivery ' + headers['webhook-id']))
    this.once('listening', () => console.log('asked for ' + port + ', listens on ' + this.address().port))
    return listen.call(this, 0, ...rest)
  }
`)}`

async function documentedBot({ server, apiKey, demo }: World): Promise<{ deliveries(): string[] }> {
  const bot = program('examples/chatbot-node/bot.cjs', {
    WAMUX_URL: server.url,
    WAMUX_API_KEY: apiKey,
    NODE_OPTIONS: `--import ${ANY_PORT}`,
  })
  const [, port] = await bot.start(/^asked for 4000, listens on (\d+)$/)
  await demo.setWebhook({ url: `http://127.0.0.1:${port}/webhook` })
  return { deliveries: () => bot.output.flatMap((line) => /^delivery (\S+)$/.exec(line)?.[1] ?? []) }
}

test('the documented bot answers "hallo", "hilfe" and "zeit" once each, and nothing else', async () => {
  const scene = await world()
  const { max } = scene
  const bot = await documentedBot(scene)
  for (const text of ['Hallo Bot!', 'Hilfe, bitte', 'Guten Tag', 'Wie ist die Zeit?']) await max.says(OWN, text)
  // Deliveries of a chat come one after the other: once this is answered, those before it are done with.
  await max.says(OWN, 'hilfe')
  await until(async () => texts(max).length >= 4)
  expect(texts(max)).toEqual([
    'Hallo Max Mustermann! Wie kann ich dir helfen?',
    'Verfügbare Befehle: hallo, hilfe, zeit',
    expect.stringMatching(/^Aktuelle Zeit: \d+\.\d+\.\d{4}, \d\d:\d\d:\d\d$/),
    'Verfügbare Befehle: hallo, hilfe, zeit',
  ])
  expect(max.messages().map(({ copies }) => copies)).toEqual([1, 1, 1, 1])
  expect(new Set(bot.deliveries()).size).toBe(bot.deliveries().length)
})

test("WhatsApp's ack takes 12 s: the documented bot answers exactly once", { timeout: 60_000 }, async () => {
  const scene = await world()
  const { max, emulator, server } = scene
  const bot = await documentedBot(scene)
  const acked = new Promise<EventEnvelope<'message_sent'>>((told) => server.manager.once('message_sent', told))
  emulator.faults.ackDelayMs = 12_000
  const { id } = await max.says(OWN, 'hallo')
  const answer = await max.hears(/^Hallo Max Mustermann!/)
  const heardAt = Date.now()
  expect((await acked).data.id).toBe(answer.id)
  expect(Date.now() - heardAt).toBeGreaterThan(11_000)
  emulator.faults.ackDelayMs = 0
  // The next delivery of the chat begins when the one of "hallo" has ended for good.
  await max.says(OWN, 'zeit')
  await max.hears(/^Aktuelle Zeit/)
  expect(texts(max)).toEqual([answer.text, expect.stringMatching(/^Aktuelle Zeit/)])
  expect(max.messages().map(({ copies }) => copies)).toEqual([1, 1])
  expect((await scene.demo.messages(MAX)).data.map(({ body, ack }) => [body, ack])).toContainEqual([
    answer.text,
    'delivered',
  ])
  expect((await scene.demo.messages(MAX)).data.filter((message) => message.id === id)).toHaveLength(1)
  expect(new Set(bot.deliveries()).size).toBe(bot.deliveries().length)
})

const REQUESTS = 'apt-get install python3-requests'
const hasRequests = spawnSync('python3', ['-c', 'import requests']).status === 0
// Where everything is to be run, what is missing is a failure.
const isSkipped = !hasRequests && !process.env.WAMUX_LONG
const python = isSkipped ? ` (skipped: ${REQUESTS})` : ''
// A run that is otherwise green does not list what it skipped.
if (isSkipped) console.warn(`Skipped, as python3 has no requests: the documented Python client. ${REQUESTS}`)

test.skipIf(isSkipped)(`the documented Python client sends to Max and prints the answer${python}`, async () => {
  if (!hasRequests) throw new Error(`python3 has no requests: ${REQUESTS}`)
  const { server, apiKey, max } = await world()
  const client = spawn('python3', ['-B', 'examples/client-python/client.py'], {
    cwd: ROOT,
    env: { ...process.env, WAMUX_URL: server.url, WAMUX_API_KEY: apiKey },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  ends.push(() => void client.kill('SIGKILL'))
  let printed = ''
  client.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
  })
  expect(await once(client, 'close')).toEqual([0, null])
  const heard = await max.hears('Hallo von Python!')
  expect(printed).toContain(`'success': True`)
  expect(printed).toContain(`'messageId': '${heard.id}'`)
  expect(printed).toContain(`'status': 'sent'`)
  expect(texts(max)).toEqual(['Hallo von Python!'])
})

test('the SDK bot links by pairing code, answers "ping", and is the same device after a restart', async () => {
  const { emulator, max } = await world()
  const phone = emulator.phone('491700000002', { name: 'Erika' })
  const bot = program('examples/sdk-bot/bot.ts', {
    WAMUX_EMULATOR: emulator.controlUrl,
    WAMUX_PHONE: phone.phone,
    BOT_DATA: folder('sdk-bot'),
  })
  const [, code = ''] = await bot.start(/^On 491700000002: Linked devices, link with phone number, (\S+)$/)
  await phone.entersCode(code)
  await until(async () => bot.output.includes('The session is ready.'))
  await max.says(phone.phone, 'Guten Tag')
  await max.says(phone.phone, 'Ping')
  await max.hears('pong')
  expect(await bot.stop()).toBe(0)

  await bot.start(/^The session is ready\.$/)
  await max.says(phone.phone, 'ping')
  await max.hears('pong')
  expect(texts(max)).toEqual(['pong', 'pong'])
  expect(phone.devices).toHaveLength(1)
  expect(bot.output.filter((line) => line.includes('link with phone number'))).toHaveLength(1)
})

test('the client bot takes only what the server signed, and after kill -9 knows what it dealt with', async () => {
  const { server, apiKey, max } = await world()
  const secret = 'ein Geheimnis'
  const env = { WAMUX_URL: server.url, WAMUX_API_KEY: apiKey, BOT_PORT: '0', BOT_SECRET: secret }
  const bot = program('examples/client-bot/bot.ts', { ...env, BOT_DATA: folder('client-bot') })
  let [, url = ''] = await bot.start(/^The bot listens on (\S+)$/)
  const told: EventEnvelope<'message'>[] = []
  server.manager.on('message', (envelope) => told.push(envelope))

  await max.says(OWN, 'Guten Tag')
  await max.says(OWN, 'ping')
  await max.hears('pong')
  // The one after it in the chat is delivered once the bot has confirmed "ping".
  await max.says(OWN, 'ping')
  await max.hears('pong')

  const ping = told.find(({ data }) => data.body === 'ping')
  if (!ping) throw new Error('Nobody was told of "ping".')
  const { sessionId: instanceId, ...rest } = ping
  const body = JSON.stringify({ instanceId, ...rest })
  const deliver = async (key: string) =>
    (await fetch(url, { method: 'POST', body, headers: await webhooks.sign(body, key) })).status
  expect(await deliver('ein anderes')).toBe(401)
  expect((await fetch(url, { method: 'POST', body })).status).toBe(401)
  expect(await deliver(secret)).toBe(200)

  await bot.kill()
  await max.says(OWN, 'ping')
  url = (await bot.start(/^The bot listens on (\S+)$/))[1] ?? ''
  await max.hears('pong')
  expect(await deliver(secret)).toBe(200)
  await max.says(OWN, 'ping')
  await max.hears('pong')
  expect(texts(max)).toEqual(['pong', 'pong', 'pong', 'pong'])
})
