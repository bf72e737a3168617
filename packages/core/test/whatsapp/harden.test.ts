import { EventEmitter } from 'node:events'
import makeWASocket, { type BaileysEventMap, type BinaryNode, initAuthCreds } from '@whiskeysockets/baileys'
import { describe, expect, test } from 'vitest'
import {
  type HardenOptions,
  harden,
  hardenEvents,
  type RawSocket,
  type SocketClient,
} from '../../src/whatsapp/harden.ts'
import { silentBaileysLogger } from '../../src/whatsapp/silent-logger.ts'

/** What core and Baileys itself listen to. */
const EVENTS: (keyof BaileysEventMap)[] = [
  'connection.update',
  'creds.update',
  'messaging-history.set',
  'messages.upsert',
  'contacts.upsert',
  'contacts.update',
  'blocklist.set',
  'lid-mapping.update',
]
const HARMLESS: Omit<HardenOptions, 'fatal' | 'broke'> = {
  around: (work) => work(),
  durableFirst: async () => true,
  handled: async () => {},
  closed: () => undefined,
  saving: () => undefined,
}

/** Baileys' websocket as far as it is taken over, on a socket that only notes what it is given. */
class Client extends EventEmitter implements SocketClient {
  readonly frames: string[] = []
  readonly socket: RawSocket = {
    send: (data, done) => {
      this.frames.push(Buffer.from(data).toString())
      done?.()
    },
    terminate: () => {},
  }
  send(text: string): Promise<Error | undefined> {
    return new Promise((resolve) => this.socket.send(Buffer.from(text), resolve))
  }
}

function hardened(listen: (ws: Client) => void, options: Partial<HardenOptions> = {}) {
  const ws = new Client()
  const fatal: unknown[] = []
  listen(ws)
  harden(ws, {
    fatal: (error) => void fatal.push(error),
    broke: (error) => void fatal.push(error),
    ...HARMLESS,
    ...options,
  })
  return { ws, fatal }
}
const stanza = (id: string, attrs: Record<string, string> = {}): BinaryNode => ({
  tag: 'message',
  attrs: { id, ...attrs },
})
/** A frame as it comes, and what is in it. */
const frameOf = (text: string) => Buffer.concat([Buffer.from([0, 0, text.length]), Buffer.from(text)])
const textOf = (frame: Buffer) => frame.subarray(3).toString()
/** After everything that is already on its way. */
const settled = () => new Promise((resolve) => setImmediate(resolve))
/** A promise to be kept by hand. */
function open() {
  let keep = () => {}
  const promise = new Promise<void>((resolve) => {
    keep = resolve
  })
  return { promise, keep }
}

describe('a listener that fails', () => {
  test('by throwing or by rejecting, ends this connection and nothing else', async () => {
    const { ws, fatal } = hardened((ws) => {
      ws.on('CB:success', () => {
        throw new Error('thrown')
      })
      ws.on('CB:ib', async () => {
        throw new Error('rejected')
      })
    })
    ws.emit('CB:success')
    ws.emit('CB:ib')
    await settled()
    expect(fatal).toEqual([new Error('thrown'), new Error('rejected')])
  })
  test.each(['throws', 'rejects'])('is contained, whichever of a real socket it is that %s', async (how) => {
    const sock = makeWASocket({
      logger: silentBaileysLogger,
      waWebSocketUrl: 'ws://127.0.0.1:9/', // where nobody is
      auth: { creds: initAuthCreds(), keys: { get: async () => ({}), set: async () => {} } },
    })
    const ws = sock.ws as unknown as Client // its websocket, as core takes it over
    const fails = (where: string) => () => {
      if (how === 'throws') throw new Error(where)
      return Promise.reject(new Error(where))
    }
    const fatal: unknown[] = []
    const note = (error: unknown) => void fatal.push(error)
    const failed = (where: string) => fatal.filter((error) => String(error).includes(where))

    // First, while it still dials: when it finds nobody it lets go of its listeners.
    for (const name of EVENTS) sock.ev.on(name, fails('an event'))
    hardenEvents(sock.ev, note)
    for (const name of EVENTS) sock.ev.emit(name, [] as never)
    await Promise.resolve()
    expect(failed('an event')).toHaveLength(EVENTS.length)

    const names = ws.eventNames().filter((name) => name !== 'error' && name !== 'close')
    for (const name of names) ws.removeAllListeners(name).on(name, fails('a stanza'))
    harden(ws, { ...HARMLESS, fatal: note, broke: note })
    for (const name of names) ws.emit(name, name === 'message' ? frameOf('x') : stanza('x'))
    await settled()
    expect(names.length).toBeGreaterThan(15)
    expect(failed('a stanza')).toHaveLength(names.length)
    await sock.end(undefined)
  })
  test('does not stop the lane', async () => {
    const seen: string[] = []
    const { ws, fatal } = hardened((ws) =>
      ws.on('CB:message', async ({ attrs }: BinaryNode) => {
        if (attrs.id === 'bad') throw new Error('bad')
        seen.push(attrs.id ?? '')
      }),
    )
    for (const id of ['a', 'bad', 'b']) ws.emit('CB:message', stanza(id))
    await settled()
    expect({ seen, fatal: fatal.length }).toEqual({ seen: ['a', 'b'], fatal: 1 })
  })
})

describe('a lane', () => {
  test('is in order, and sees a stanza only after it is durable', async () => {
    const log: string[] = []
    const first = open()
    const { ws } = hardened(
      (ws) =>
        ws.on('CB:message', async ({ attrs }: BinaryNode) => {
          log.push(`sees ${attrs.id}`)
          if (attrs.id === 'a') await first.promise
          log.push(`done with ${attrs.id}`)
        }),
      {
        durableFirst: async (lane, { attrs }) => {
          log.push(`${lane} ${attrs.id} is durable`)
          return true
        },
      },
    )
    ws.emit('CB:message', stanza('a'))
    ws.emit('CB:message', stanza('b'))
    await settled()
    expect(log).toEqual(['message a is durable', 'sees a'])
    first.keep()
    await settled()
    expect(log.slice(2)).toEqual(['done with a', 'message b is durable', 'sees b', 'done with b'])
  })
  test('does not wait for another', async () => {
    const seen: string[] = []
    const never = open()
    const { ws } = hardened((ws) => {
      ws.on('CB:notification', () => never.promise)
      for (const lane of ['message', 'receipt', 'call']) ws.on(`CB:${lane}`, () => void seen.push(lane))
    })
    for (const lane of ['notification', 'message', 'receipt', 'call']) ws.emit(`CB:${lane}`, stanza('x'))
    await settled()
    expect(seen).toEqual(['message', 'receipt', 'call'])
  })
  test('shows Baileys nothing that could not be made durable', async () => {
    const seen: string[] = []
    const down = new Error('the disk is gone')
    const { ws, fatal } = hardened((ws) => ws.on('CB:receipt', () => void seen.push('seen')), {
      durableFirst: async () => {
        throw down
      },
    })
    ws.emit('CB:receipt', stanza('a'))
    await settled()
    expect({ seen, fatal }).toEqual({ seen: [], fatal: [down] })
  })
  test('says that a stanza was handled once Baileys has done with it, and never when that failed', async () => {
    const log: string[] = []
    const { ws } = hardened(
      (ws) =>
        ws.on('CB:message', async ({ attrs }: BinaryNode) => {
          await settled()
          if (attrs.id === 'bad') throw new Error('bad')
          log.push(`done with ${attrs.id}`)
        }),
      { handled: async (lane, { attrs }) => void log.push(`${lane} ${attrs.id} handled`) },
    )
    for (const id of ['bad', 'a']) ws.emit('CB:message', stanza(id))
    for (let turn = 0; turn < 5; turn++) await settled()
    expect(log).toEqual(['done with a', 'message a handled'])
  })
  test('does not show Baileys what was handled before, and goes on', async () => {
    const log: string[] = []
    const { ws } = hardened((ws) => ws.on('CB:message', ({ attrs }: BinaryNode) => void log.push(`sees ${attrs.id}`)), {
      durableFirst: async (_, { attrs }) => attrs.id !== 'known',
      handled: async (_, { attrs }) => void log.push(`${attrs.id} handled`),
    })
    for (const id of ['known', 'new']) ws.emit('CB:message', stanza(id))
    for (let turn = 0; turn < 5; turn++) await settled()
    expect(log).toEqual(['sees new', 'new handled'])
  })
  test('hides the mark of an offline stanza from Baileys, and from nobody else', async () => {
    const marks: (string | undefined)[] = []
    const { ws } = hardened((ws) => ws.on('CB:message', ({ attrs }: BinaryNode) => void marks.push(attrs.offline)), {
      durableFirst: async (_, { attrs }) => marks.push(attrs.offline) > 0,
    })
    const node = stanza('a', { offline: '3' })
    ws.emit('CB:message', node)
    await settled()
    expect(marks).toEqual(['3', undefined])
    expect(node.attrs.offline).toBe('3')
  })
})

test('raw frames are taken one after the other: a compressed one is not overtaken', async () => {
  const seen: string[] = []
  const inflating = open()
  const { ws } = hardened((ws) =>
    ws.on('message', async (frame: Buffer) => {
      if (textOf(frame) === 'compressed') await inflating.promise
      seen.push(textOf(frame))
    }),
  )
  ws.emit('message', frameOf('compressed'))
  ws.emit('message', frameOf('plain'))
  await settled()
  expect(seen).toEqual([])
  inflating.keep()
  await settled()
  expect(seen).toEqual(['compressed', 'plain'])
})

test('a frame that is too long ends this connection when it is announced', async () => {
  const seen: string[] = []
  const { ws, fatal } = hardened((ws) => ws.on('message', (frame: Buffer) => void seen.push(textOf(frame))))
  ws.emit('message', frameOf('whole').subarray(0, 4))
  ws.emit('message', frameOf('whole').subarray(4))
  ws.emit('message', Buffer.from([255, 255, 255]))
  await settled()
  expect(seen).toEqual(['whole'])
  expect(fatal).toEqual([expect.objectContaining({ message: expect.stringContaining('16777215 bytes') })])
})

test('a frame does not wait for a lane: its answer may come in the next one', async () => {
  const answer = open()
  const log: string[] = []
  const { ws } = hardened((ws) => {
    ws.on('message', (frame: Buffer) => {
      if (textOf(frame) === 'answer') answer.keep()
      else ws.emit('CB:message', stanza(textOf(frame)))
    })
    ws.on('CB:message', async () => {
      log.push('asks')
      await answer.promise
      log.push('is answered')
    })
  })
  ws.emit('message', frameOf('question'))
  ws.emit('message', frameOf('answer'))
  await settled()
  expect(log).toEqual(['asks', 'is answered'])
})

test('listeners for errors and ends stay Baileys’ own', () => {
  const own = () => {}
  const { ws } = hardened((ws) => ws.on('error', own).on('close', own))
  expect([ws.listeners('error'), ws.listeners('close')]).toEqual([[own], [own]])
})

describe('what leaves', () => {
  test('leaves at once while nothing is being saved', async () => {
    const { ws } = hardened(() => {})
    expect(await ws.send('a')).toBeUndefined()
    expect(ws.frames).toEqual(['a'])
  })
  test('waits, in order, while credentials are being saved, and again when they have changed meanwhile', async () => {
    const [first, second] = [open(), open()]
    let saving: Promise<void> | undefined = first.promise
    const { ws } = hardened(() => {}, { saving: () => saving })
    const sent = [ws.send('a'), ws.send('b')]
    await settled()
    expect(ws.frames).toEqual([])
    saving = second.promise
    first.keep()
    await settled()
    expect(ws.frames).toEqual([])
    saving = undefined
    sent.push(ws.send('c'))
    second.keep()
    expect(await Promise.all(sent)).toEqual([undefined, undefined, undefined])
    expect(ws.frames).toEqual(['a', 'b', 'c'])
  })
  test('does not leave after the store failed, neither what waited nor what comes', async () => {
    const saved = open()
    let saving: Promise<void> | undefined = saved.promise
    let closed: unknown
    const { ws } = hardened(() => {}, { saving: () => saving, closed: () => closed })
    const waiting = ws.send('waiting')
    closed = new Error('the disk is gone')
    saving = undefined
    const late = ws.send('late')
    saved.keep()
    for (const error of [await waiting, await late])
      expect(error).toMatchObject({ message: 'Connection Closed', cause: closed })
    expect(ws.frames).toEqual([])
  })
})
