import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test, vi } from 'vitest'
import { KICK_REASONS } from '../../src/index.ts'
import { type Client, textOf, withEmulator, withTrouble } from '../baileys.ts'

const ALICE = '15550001001'
const BOB = '15550002002'
const MAX = '491234567890'

const textsOf = ({ messages }: Client) => messages.filter(({ key }) => !key.fromMe).map(textOf)

/** What Baileys calls each way of ending a connection. */
const CODES: Record<(typeof KICK_REASONS)[number], number> = {
  '401': 401,
  '403': 403,
  '405': 405,
  '408': 408,
  '428': 428,
  '440': 440,
  '500': 500,
  '503': 503,
  '515': 515,
  ack: 500,
  device_removed: 401,
  drop: 428,
  replaced: 440,
  xmlstreamend: 428,
}

test('each way of ending a connection has its code, for one companion, all of an account, or everybody', () =>
  withTrouble(async (emulator, client) => {
    const alice = await client().link(emulator.phone(ALICE))
    for (const reason of KICK_REASONS) {
      const before = alice.closes.length
      emulator.faults.kick(ALICE, reason, { device: 1 })
      await alice.until(() => alice.closes.length > before)
      expect([reason, alice.closes.at(-1)]).toEqual([reason, CODES[reason]])
      if (reason !== '515') alice.connect()
      await alice.opened()
    }
    const bob = await client().link(emulator.phone(BOB))
    emulator.faults.kick(ALICE, '503', { device: 2 })
    emulator.faults.kick(BOB, '503')
    expect(await bob.closed()).toBe(503)
    expect(alice.isOpen).toBe(true)
    emulator.faults.kickAll('xmlstreamend')
    expect(await alice.closed()).toBe(428)
  }))

test('logins are refused with any code, of one account or all, once or until it is lifted', () =>
  withTrouble(async (emulator, client) => {
    const alice = await client().link(emulator.phone(ALICE))
    const reasons: unknown[] = []
    const login = async () => {
      await alice.end()
      const before = alice.closes.length
      alice.connect()
      alice.sock.ev.on('connection.update', ({ lastDisconnect }) => {
        if (lastDisconnect?.error && 'data' in lastDisconnect.error) reasons.push(lastDisconnect.error.data)
      })
      return alice.until(() => (alice.isOpen ? 'open' : alice.closes.length > before && alice.closes.at(-1)))
    }
    for (const reason of [401, 403, 405, 406, 409, 411, 500, 503]) {
      emulator.faults.refuseLogins({ reason, phone: ALICE }, 1)
      expect(await login()).toBe(reason)
    }
    reasons.length = 0
    const ban = emulator.faults.refuseLogins({ reason: 402, code: 101, expiresInMs: 3_600_000 })
    expect(await login()).toBe(402)
    expect(reasons).toMatchObject([{ reason: '402', code: '101', expire: '3600' }])
    expect(await login()).toBe(402)
    ban.lift()
    const others = emulator.faults.refuseLogins({ reason: 503, phone: BOB })
    expect(await login()).toBe('open')
    expect([ban.count, others.count]).toEqual([2, 0])
  }))

test('a connection that says nothing any more is given up by its client, whoever does not hear whom', () =>
  withEmulator(async (emulator, client) => {
    // Baileys waits 5 s longer than this.
    const impatient = { keepAliveIntervalMs: 100 }
    const phones = [ALICE, BOB, '15550003003', '15550004004', '15550005005'] as const
    const clients: Client[] = []
    for (const phone of phones) clients.push(await client(impatient).link(emulator.phone(phone)))
    const [deaf, dumb, dead, torn, swallowed] = phones
    const holes = [
      emulator.faults.blackhole({ phone: deaf, direction: 'from-client' }),
      emulator.faults.blackhole({ phone: dumb, direction: 'to-client' }),
      emulator.faults.blackhole({ phone: dead }),
    ]
    emulator.faults.on({ phone: torn, direction: 'to-client', tag: 'iq' }).tear(1)
    emulator.faults.on({ phone: swallowed, direction: 'from-client', xmlns: 'w:p' }).drop()
    for (const hole of holes) await hole.struck()
    // Its WebSocket says goodbye into the hole and waits for the answer for half a minute.
    await vi.waitFor(() => expect(clients.map(({ sock }) => sock.ws.isOpen)).toEqual(phones.map(() => false)), 12_000)
    expect(clients[2]?.isOpen).toBe(true)
    for (const hole of holes) hole.lift()
    for (const each of clients) expect(await each.closed()).toBe(408)
    for (const each of clients) each.connect()
    for (const each of clients.slice(0, 4)) await each.opened()
  }))

test('a black hole catches those who come back, and a stalled line delivers when it is free', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client({ connectTimeoutMs: 5_000 }).link(emulator.phone(ALICE))
    const stall = emulator.faults.stall({ phone: ALICE })
    const sent = alice.says(MAX, 'aus dem Stau') // asks for the keys first
    await max.says(ALICE, 'in den Stau')
    const ping = { tag: 'iq', attrs: { to: '@s.whatsapp.net', type: 'get', xmlns: 'w:p' } }
    // Which of its two timers is first decides whether Baileys rejects or says undefined.
    const answer = await alice.sock.query(ping, 300).catch((error: unknown) => String(error))
    expect(answer ?? 'Timed Out').toContain('Timed Out')
    expect(textsOf(alice)).toEqual([])
    expect([alice.acks.size, max.messages().length]).toEqual([0, 0])
    stall.lift()
    await sent
    await max.hears('aus dem Stau')
    await alice.hears('in den Stau')

    // Not by the client: the server might see it only when the hole is there, and it would fall in.
    emulator.faults.kick(ALICE)
    await alice.closed()
    const hole = emulator.faults.blackhole({ phone: ALICE, direction: 'to-client' })
    alice.connect()
    await hole.struck()
    hole.lift()
    await alice.until(() => alice.closes.length === 3)
    expect(alice.closes).toEqual([515, 428, 428])
    alice.connect()
    await alice.opened()
  }))

test('those who connect find no answer, a reset, a status, or a WebSocket that is mute', () =>
  withTrouble(async (emulator, client) => {
    for (const [answer, code] of [
      ['unanswered', 408],
      ['refused', 408],
      ['mute', 408],
    ] as const) {
      const fault = emulator.faults.connecting(answer, 1)
      const alice = client({ connectTimeoutMs: 400 }).connect()
      expect([answer, await alice.until(() => alice.closes.at(-1))]).toEqual([answer, code])
      expect(fault.count).toBe(1)
    }
    emulator.faults.connecting(429, 1)
    const alice = client().connect()
    // Baileys listens to this event and does nothing: such a socket neither opens nor closes.
    const [, response] = await once(alice.sock.ws, 'unexpected-response')
    expect(response.statusCode).toBe(429)
    alice.connect()
    await alice.until(() => alice.qr)
  }))

test('a client that tears its line down while nobody answers it does no harm', () =>
  withEmulator(async (emulator) => {
    const { hostname, port } = new URL(emulator.controlUrl)
    for (const answer of ['unanswered', 503] as const) {
      const fault = emulator.faults.connecting(answer, 1)
      const socket = connect(Number(port), hostname)
      socket.write('GET /ws/chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      await fault.struck()
      socket.resetAndDestroy()
      await once(socket, 'close')
    }
    // A process whose socket had an error that nobody listens for would be gone.
    expect((await fetch(`${emulator.controlUrl}/admin/health`)).status).toBe(200)
  }))
