import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ClientSession, createClient } from '@wamux/client'
import type { Message } from '@wamux/core'
import Database from 'better-sqlite3'
import { afterEach, expect, test } from 'vitest'
import { Program } from '../harness/process.ts'
import { until } from '../harness/story.ts'

const MAX = '491234567890'
const PHONE = '491700000001'
const DIRECT = 50
const IN_GROUP = 10
/** How far the writer may be ahead of the receiver. */
const AHEAD = 8
/** `test:all` kills more often. */
const [KILLS, TIMEOUT_MS] = process.env.WAMUX_LONG ? [20, 400_000] : [5, 120_000]

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

interface Delivery {
  id: string
  body: string
  event: { id: string; event: string; data: Message }
}

/** What a customer would run: a receiver that lives on while the server does not, and keeps everything it was sent. */
async function receiver(): Promise<{ url: string; deliveries: Delivery[] }> {
  const deliveries: Delivery[] = []
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts).toString()
      deliveries.push({ id: String(request.headers['webhook-id']), body, event: JSON.parse(body) })
      response.end('{}')
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  open.push(
    () =>
      new Promise((closed) => {
        server.closeAllConnections()
        server.close(() => closed())
      }),
  )
  const { port } = server.address() as AddressInfo // a TCP server's address
  return { url: `http://127.0.0.1:${port}/webhook`, deliveries }
}

/** A control route of the network. */
async function post<T>(url: string, body: object | string): Promise<T> {
  const answer = await fetch(url, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as T
}

async function login(url: string): Promise<ReturnType<typeof createClient>> {
  const client = createClient({ url })
  await client.login({ username: 'admin', password: 'correct horse battery staple' })
  return client
}

async function link(url: string, control: string, webhook: string): Promise<void> {
  const client = await login(url)
  await client.sessions.create({ id: 'demo' })
  const session = client.session('demo')
  await session.setWebhook({ url: webhook })
  let qr: string | null = null
  await until(async () => {
    qr = (await session.qr()).qr
    return qr !== null
  })
  await post(`${control}/admin/mock-phone/scan-qr?phone=${PHONE}`, qr ?? '')
  await until(async () => (await session.info()).state === 'ready')
}

/** The whole history, the oldest first. */
async function historyOf(session: ClientSession): Promise<Message[]> {
  const all: Message[] = []
  let cursor: string | null | undefined
  do {
    const page = await session.recentMessages({ limit: 20, ...(cursor && { cursor }) })
    all.push(...page.data)
    cursor = page.nextCursor
  } while (cursor)
  return all.reverse()
}

test(
  `a server killed ${KILLS} times while a contact writes loses nothing and tells nothing twice`,
  async () => {
    const data = mkdtempSync(join(tmpdir(), 'wamux-inbound-'))
    open.push(async () => rmSync(data, { recursive: true }))
    const emulator = new Program('packages/emulator/src/cli.ts', ['--port', '0', '--state', join(data, 'network.db')])
    open.push(() => emulator.kill())
    const [, control = ''] = await emulator.start(/(http:\/\/[^/]+)\/admin/)
    await post(`${control}/admin/contacts`, { phone: MAX, name: 'Max Mustermann', behaviour: 'silent' })
    const webhook = await receiver()
    const server = new Program('tests/faults/server.ts', [], { EMULATOR: control, DATA: join(data, 'wamux') })
    open.push(() => server.kill())
    const start = async () => (await server.start(/server (\S+)/))[1] ?? ''

    let url = await start()
    await link(url, control, webhook.url)
    const group = await post<{ id: string }>(`${control}/admin/groups`, { subject: 'Familie', members: [PHONE, MAX] })

    // The truth, in the order in which the network has it for good.
    const written: { id: string; chat: string; text: string }[] = []
    let isWriting = true
    const write = async (to: string, chat: string, text: string) => {
      const { id } = await post<{ id: string }>(`${control}/admin/contacts/${MAX}/messages`, { to, text })
      written.push({ id, chat, text })
    }
    // How far the receiver got; what is missing before that is found out at the end.
    const heardUpTo = () => {
      const heard = new Set(webhook.deliveries.map(({ event }) => event.data.id))
      return written.findLastIndex(({ id }) => heard.has(id)) + 1
    }
    const everyFew = DIRECT / IN_GROUP
    const writing = (async () => {
      for (let index = 0; index < DIRECT; index++) {
        await write(PHONE, `${MAX}@c.us`, `direkt ${index}`)
        if ((index + 1) % everyFew === 0) await write(group.id, group.id, `Gruppe ${(index + 1) / everyFew - 1}`)
        // The writer keeps pace with the receiver, so that each kill falls into the middle of what arrives.
        await until(async () => !isWriting || heardUpTo() >= written.length - AHEAD)
      }
      // When these were told, nothing of their chat comes any more.
      await write(PHONE, `${MAX}@c.us`, 'Ende')
      await write(group.id, group.id, 'Ende')
    })()
    writing.catch(() => {}) // it is awaited below
    open.push(async () => {
      isWriting = false
      await writing.catch(() => {})
    })

    for (let kill = 1; kill <= KILLS; kill++) {
      // Each time when a few more have arrived, at whatever instant of the next one that is.
      await until(async () => heardUpTo() >= (kill * (DIRECT + IN_GROUP)) / (KILLS + 2))
      await server.kill()
      url = await start()
    }
    await writing
    const ends = () => new Set(webhook.deliveries.filter(({ event }) => event.data.body === 'Ende').map(({ id }) => id))
    await until(async () => ends().size === 2)
    const session = (await login(url)).session('demo')
    const total = DIRECT + IN_GROUP + 2

    const byChat = (list: { id: string; chat: string; text: string }[], chat: string) =>
      list.filter((one) => one.chat === chat).map(({ id, text }) => [id, text])
    const chats = [`${MAX}@c.us`, group.id]

    const history = (await historyOf(session)).map(({ id, chatId, body }) => ({ id, chat: chatId, text: body }))
    expect(history).toHaveLength(total)
    expect(new Set(history.map(({ id }) => id)).size).toBe(total)
    for (const chat of chats) expect(byChat(history, chat)).toEqual(byChat(written, chat))

    // The receiver may be told again of what the server did not live to note, under the same id and in the same words.
    const first = new Map<string, Delivery>()
    for (const delivery of webhook.deliveries) {
      const before = first.get(delivery.id)
      if (before) expect(delivery.body).toBe(before.body)
      else first.set(delivery.id, delivery)
    }
    const told = [...first.values()]
      .filter(({ event }) => event.event === 'message')
      .map(({ event: { data } }) => ({ id: data.id, chat: data.chatId, text: data.body }))
    expect(told).toHaveLength(total)
    for (const chat of chats) expect(byChat(told, chat)).toEqual(byChat(written, chat))

    await server.stop()
    expect(messagesIn(join(data, 'wamux'))).toEqual({ events: total, undecryptable: 0, isDense: true })
  },
  TIMEOUT_MS,
)

/** What the journal on disk says, past everything that could hide a second event. */
function messagesIn(data: string): { events: number; undecryptable: number; isDense: boolean } {
  const db = new Database(join(data, 'wamux.db'), { readonly: true })
  try {
    const rows = db.prepare('SELECT seq, event FROM events ORDER BY seq').all() as { seq: number; event: string }[]
    return {
      events: rows.filter(({ event }) => event === 'message').length,
      undecryptable: rows.filter(({ event }) => event === 'message_undecryptable').length,
      isDense: rows.every(({ seq }, index) => seq === index + 1),
    }
  } finally {
    db.close()
  }
}
