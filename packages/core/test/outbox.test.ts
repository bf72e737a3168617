import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { NewEntry } from '../src/acceptance.ts'
import { Ending } from '../src/ending.ts'
import { Inbox } from '../src/inbox.ts'
import { type Logger, SEND_DEADLINE_MS } from '../src/options.ts'
import { Outbox, type OutboxOptions } from '../src/outbox.ts'
import type { Outcome } from '../src/outcomes.ts'
import { Pacer } from '../src/pacer.ts'
import type { Reachout } from '../src/restriction.ts'
import type { Account } from '../src/shared.ts'
import * as history from '../src/stores/sql/history.ts'
import * as journal from '../src/stores/sql/journal.ts'
import * as rows from '../src/stores/sql/outbox.ts'
import { openMemoryStore } from '../src/stores/sqlite/store.ts'
import { run, type Store, type Work } from '../src/stores/store.ts'
import { writeText } from '../src/whatsapp/write-message.ts'
import type { Wire } from '../src/wire.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** More turns of queue, store and pacer than any of these tests needs, and less than anything waits on purpose. */
const QUIET_MS = 200
/** Longer than a message that was refused for the moment waits for its next try, and than five tries together. */
const NEXT_TRY_MS = 29_000
const ACK_TIMEOUT_MS = 30_000
/** A little more than others wait for the answers about one. */
const PATIENCE_MS = 1_200
const LONGEST_TYPING_MS = 5_000
const WINDOW = 4

const OWN: Account = { phone: '491700000001', lid: null, name: 'Erika' }
const OTHER: Account = { phone: '491700000002', lid: null, name: 'Erna' }
const NOT_NOW = ['408', '429', '500', '503']
const logger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

const quiet = (ms = QUIET_MS) => vi.advanceTimersByTimeAsync(ms)

/** Turns the clock until the promise is settled. */
async function during<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {}) // whoever asked hears of it below
  await quiet()
  return promise
}

/** A connection as the outbox sees one, which notes what it is given and acknowledges when it is told to. */
class TestWire implements Wire {
  readonly sent: string[] = []
  readonly askedForDevices: string[] = []
  readonly settled: string[] = []
  readonly lostBecause: string[] = []
  readonly strangers = new Set<string>()
  readonly typed: string[] = []
  showing: () => Promise<void> = async () => {}
  preparing: (entry: rows.OutboxEntry) => Promise<void> = async () => {}
  sending: (entry: rows.OutboxEntry) => Promise<void> = async () => {}
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async prepare(entry: rows.OutboxEntry): Promise<() => Promise<void>> {
    await this.preparing(entry)
    return () => this.#send(entry)
  }

  async #send(entry: rows.OutboxEntry): Promise<void> {
    this.sent.push(entry.id)
    if (entry.asksForDevices) this.askedForDevices.push(entry.id)
    await this.sending(entry)
  }

  async settle(id: string, work: () => Work<void>): Promise<void> {
    this.settled.push(id)
    await this.#store.write(work)
  }

  unsent(): void {}

  async typing(chat: string): Promise<void> {
    this.typed.push(chat)
    await this.showing()
  }

  async exists(chat: string): Promise<boolean> {
    return !this.strangers.has(chat)
  }

  reachout: () => Promise<Reachout> = async () => ({ isRestricted: false, until: null, reason: null })

  lost(cause: string): void {
    this.lostBecause.push(cause)
  }
}

/** The real store, whose writes can fail, or be on disk for a while before the one who wrote hears of it. */
class FaultyStore implements Store {
  fails = false
  #held: Promise<void> | undefined
  #slow: Promise<void> | undefined
  #heldReads: { what: 'their question' | 'their answer'; held: Promise<void> } | undefined
  readonly #inner: Store

  constructor(inner: Store) {
    this.#inner = inner
  }

  /** From now on nobody hears of what is written, until the function that this returns is called. */
  hold(): () => void {
    let release = () => {}
    this.#held = new Promise((released) => {
      release = () => {
        this.#held = undefined
        released()
      }
    })
    return release
  }

  /** From now on reads wait, with their question or with the answer, until the function that this returns is called. */
  holdReads(what: 'their question' | 'their answer'): () => void {
    let release = () => {}
    const held = new Promise<void>((released) => {
      release = () => {
        this.#heldReads = undefined
        released()
      }
    })
    this.#heldReads = { what, held }
    return release
  }

  async read<T>(work: () => Work<T>): Promise<T> {
    const { what, held } = this.#heldReads ?? {}
    if (what === 'their question') await held
    const found = await this.#inner.read(work)
    if (what === 'their answer') await held
    return found
  }

  /** From now on nothing is written, until the function that this returns is called. */
  holdWrites(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#slow = promise
    return () => {
      this.#slow = undefined
      resolve()
    }
  }

  async write<T>(work: () => Work<T>): Promise<T> {
    if (this.fails) throw new Error('the disk is gone')
    if (this.#slow) await this.#slow
    const held = this.#held
    const written = await this.#inner.write(work)
    await held
    return written
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}

async function world(options: Partial<OutboxOptions> = {}) {
  const store = new FaultyStore(await openMemoryStore())
  onTestFinished(() => store.close())
  let account = OWN
  let commits = 0
  const open = () => {
    const pacer = new Pacer({ gap: { minMs: 0, maxMs: 0 } })
    const inbox = new Inbox('s', () => account)
    return new Outbox({
      session: 's',
      store,
      pacer,
      inbox,
      account: () => account,
      logger,
      committed: () => commits++,
      ...options,
    })
  }
  const outbox = open()
  return {
    store,
    outbox,
    /** What a new process would make of the same data. */
    reopen: open,
    linkedTo: (other: Account) => {
      account = other
    },
    commits: () => commits,
    wire: () => new TestWire(store),
    accept: (ids: string[], kind: Kind = 'singles', to = outbox) =>
      during(to.accept(ids.map((id, index) => entryOf(id, kind === 'batch' ? index : undefined)))),
    attach: async (to = outbox) => {
      const wire = new TestWire(store)
      await during(to.attach(wire))
      return wire
    },
    ack: async (id: string, error?: string) => {
      outbox.acked(id, error, Date.now())
      await quiet()
    },
    state: async (id: string) => (await store.read(() => rows.byId('s', id)))?.state,
    events: async (): Promise<{ event: string; data: Record<string, unknown> }[]> =>
      (await store.read(() => journal.after('s', 0, 999))).map(({ event, data }) => ({ event, data: { ...data } })),
    history: async () => (await store.read(() => history.messages('s', null, null, 99))).map(({ id }) => id).reverse(),
  }
}

type Kind = 'singles' | 'batch'

/** `A1` is the first message for chat A: the id says where it goes. */
function entryOf(id: string, index?: number): NewEntry {
  const chat = chatOf(id)
  const entry = { id, chat, phone: chat.slice(0, -'@c.us'.length), body: writeText(id) }
  return index === undefined ? entry : { ...entry, batch: { id: `batch from ${id}`, index } }
}

const chatOf = (id: string) => `49111111${id.charCodeAt(0)}@c.us`

/** What became of it, or undefined while nothing has. */
function outcomeOf(outbox: Outbox, id: string): { heard: Outcome[] } {
  const heard: Outcome[] = []
  void outbox.outcome(id).then((outcome) => heard.push(outcome))
  return { heard }
}

describe('a message accepted as the wire attaches goes out once', () => {
  test('when it was accepted first', async () => {
    const { outbox, wire, ack, history } = await world()
    const to = wire()
    await during(Promise.all([outbox.accept([entryOf('A1')]), outbox.attach(to)]))
    expect(to.sent).toEqual(['A1'])
    await ack('A1')
    expect(to.sent).toEqual(['A1'])
    expect(await history()).toEqual(['A1'])
  })
  test('when the wire came first', async () => {
    const { outbox, wire, ack, history } = await world()
    const to = wire()
    await during(Promise.all([outbox.attach(to), outbox.accept([entryOf('A1')])]))
    expect(to.sent).toEqual(['A1'])
    await ack('A1')
    expect(to.sent).toEqual(['A1'])
    expect(await history()).toEqual(['A1'])
  })
  test('when it is on disk, and whoever accepts it hears of it only after the wire found it there', async () => {
    const { outbox, store, wire, ack, history } = await world()
    const heard = store.hold()
    const accepted = outbox.accept([entryOf('A1'), entryOf('A2')])
    await quiet()
    const to = wire()
    await during(outbox.attach(to))
    expect(to.sent).toEqual(['A1'])
    heard()
    await during(accepted)
    await ack('A1')
    await ack('A2')
    await quiet(NEXT_TRY_MS)
    expect(to.sent).toEqual(['A1', 'A2'])
    expect(await history()).toEqual(['A1', 'A2'])
  })
  test.each(['before', 'after'] as const)('when the wire looked for older ones %s it was written', async (when) => {
    const { outbox, store, wire, accept, ack } = await world()
    await accept(['A1'])
    const to = wire()
    const answer = store.holdReads(when === 'before' ? 'their answer' : 'their question')
    const attached = outbox.attach(to)
    await accept(['A2', 'B1'])
    answer()
    await during(attached)
    for (const id of ['A1', 'B1', 'A2']) await ack(id)
    await quiet(NEXT_TRY_MS)
    expect(to.sent.filter((id) => id !== 'B1')).toEqual(['A1', 'A2'])
    expect(to.sent.filter((id) => id === 'B1')).toEqual(['B1'])
  })
  test('when it was written between two wires', async () => {
    const { outbox, store, attach, ack } = await world()
    await attach()
    const heard = store.hold()
    const accepted = outbox.accept([entryOf('A1', 0)])
    await quiet()
    outbox.detach()
    const second = await attach()
    heard()
    await during(accepted)
    await ack('A1')
    await quiet(NEXT_TRY_MS)
    expect(second.sent).toEqual(['A1'])
  })
})

describe('on the wire', () => {
  test('is one unacknowledged message of each chat at a time', async () => {
    const { attach, accept, ack } = await world()
    const wire = await attach()
    await accept(['A1', 'A2', 'B1', 'A3'])
    expect(wire.sent).toEqual(['A1', 'B1'])
    await ack('A1')
    expect(wire.sent).toEqual(['A1', 'B1', 'A2'])
    await ack('B1')
    expect(wire.sent).toEqual(['A1', 'B1', 'A2'])
    await ack('A2')
    expect(wire.sent).toEqual(['A1', 'B1', 'A2', 'A3'])
  })
  test('are at most four over all chats', async () => {
    const { attach, accept, ack } = await world()
    const wire = await attach()
    await accept(['A1', 'B1', 'C1', 'D1', 'E1', 'F1'])
    expect(wire.sent).toEqual(['A1', 'B1', 'C1', 'D1'])
    await ack('C1')
    expect(wire.sent).toEqual(['A1', 'B1', 'C1', 'D1', 'E1'])
    await ack('A1')
    expect(wire.sent).toEqual(['A1', 'B1', 'C1', 'D1', 'E1', 'F1'])
  })
  test('what was accepted without a wire goes out in order, a batch and singles alike', async () => {
    const { attach, accept, ack } = await world()
    await accept(['A1', 'A2'], 'batch')
    await accept(['A3'])
    const wire = await attach()
    for (const id of ['A1', 'A2', 'A3']) await ack(id)
    expect(wire.sent).toEqual(['A1', 'A2', 'A3'])
  })
  test('a message that a waiting batch of its chat stands before does not overtake it', async () => {
    const { attach, accept, ack } = await world()
    const wire = await attach()
    await accept(['A1', 'A2', 'A3'], 'batch')
    await accept(['A4'])
    for (const id of ['A1', 'A2', 'A3', 'A4']) await ack(id)
    expect(wire.sent).toEqual(['A1', 'A2', 'A3', 'A4'])
  })
  test('a chat that waits for its ack keeps no other from the window', async () => {
    const { attach, accept } = await world()
    const wire = await attach()
    await accept(['A1', 'A2', 'A3', 'A4', 'A5'], 'batch')
    await accept(['B1', 'C1'], 'batch')
    expect(wire.sent).toEqual(['A1', 'B1', 'C1'])
  })
})

describe('a message with a time', () => {
  const HOUR_MS = 60 * 60_000
  const inAnHour = (id: string) => ({ ...entryOf(id), sendAt: Date.now() + HOUR_MS })

  test('goes at its time, and keeps nobody waiting until then', async () => {
    const { outbox, attach, accept, ack } = await world()
    const wire = await attach()
    await during(outbox.accept([inAnHour('A1'), inAnHour('B1')]))
    await accept(['A2'])
    await ack('A2')
    await quiet(HOUR_MS - 3 * QUIET_MS)
    expect(wire.sent).toEqual(['A2'])
    await quiet(2 * QUIET_MS)
    expect(wire.sent).toEqual(['A2', 'A1', 'B1'])
  })
  test('goes with the wire that is there at its time, or with the next one', async () => {
    const { outbox, reopen, attach, wire } = await world()
    await attach()
    await during(outbox.accept([inAnHour('A1'), { ...entryOf('B1'), sendAt: Date.now() + 25 * HOUR_MS }]))
    outbox.detach()
    const next = reopen()
    const to = wire()
    await during(next.attach(to))
    expect(to.sent).toEqual([])
    await quiet(HOUR_MS)
    expect(to.sent).toEqual(['A1'])
    next.detach()
    // Nobody was there at its time; it has a day from then on.
    await quiet(26 * HOUR_MS)
    const late = await attach()
    expect(late.sent).toContain('B1')
  })
  test('has a day from then on', async () => {
    const { outbox, accept, state } = await world()
    await accept(['A1'])
    await during(outbox.accept([inAnHour('B1')]))
    await quiet(SEND_DEADLINE_MS)
    await during(outbox.expire())
    expect([await state('A1'), await state('B1')]).toEqual(['expired', 'queued'])
    await quiet(HOUR_MS)
    await during(outbox.expire())
    expect(await state('B1')).toBe('expired')
  })
})

describe('a limit', () => {
  const HOUR_MS = 60 * 60_000
  const DAY_MS = 24 * HOUR_MS

  test('for one chat lets so many go in an hour, keeps the others waiting, and no other chat', async () => {
    const { attach, accept, ack, state } = await world({ limits: { messagesPerChatPerHour: 2 } })
    const wire = await attach()
    await accept(['A1', 'A2', 'A3', 'B1'])
    for (const id of ['A1', 'B1', 'A2']) await ack(id)
    await quiet(HOUR_MS - 5 * QUIET_MS)
    expect([wire.sent, await state('A3')]).toEqual([['A1', 'B1', 'A2'], 'queued'])
    await quiet(5 * QUIET_MS)
    expect(wire.sent).toEqual(['A1', 'B1', 'A2', 'A3'])
  })
  test('for new chats lets so many be opened in a day, and does not hold up those that are known', async () => {
    const { attach, accept, ack } = await world({ limits: { newChatsPerDay: 2 } })
    const wire = await attach()
    await accept(['A1', 'B1', 'C1', 'D1'])
    expect(wire.sent).toEqual(['A1', 'B1'])
    await ack('A1')
    await ack('B1')
    await accept(['A2', 'B2'])
    await ack('A2')
    await ack('B2')
    await quiet(DAY_MS - HOUR_MS)
    expect(wire.sent).toEqual(['A1', 'B1', 'A2', 'B2'])
    await quiet(HOUR_MS)
    await ack('C1')
    await quiet(NEXT_TRY_MS)
    expect(wire.sent).toEqual(['A1', 'B1', 'A2', 'B2', 'C1', 'D1'])
  })
  test('holds in the next process, also with a clock that was set back', async () => {
    const { outbox, reopen, wire, attach, accept, ack } = await world({ limits: { messagesPerChatPerHour: 1 } })
    await attach()
    await accept(['A1', 'A2'])
    await ack('A1')
    outbox.detach()
    vi.setSystemTime(Date.now() - 30 * DAY_MS)
    const to = wire()
    const next = reopen()
    await during(next.attach(to))
    await quiet(HOUR_MS - 5 * QUIET_MS)
    expect(to.sent).toEqual([])
    await quiet(6 * QUIET_MS)
    expect(to.sent).toEqual(['A2'])
  })
  test('drops nothing: what waits has its day from the end of the wait', async () => {
    const { outbox, attach, accept, ack, state } = await world({ limits: { newChatsPerDay: 1 } })
    const wire = await attach()
    const ids = ['A1', 'B1', 'C1', 'D1']
    await accept(ids)
    for (const id of ids) {
      await ack(id)
      for (let hour = 0; hour < 24; hour++) {
        await quiet(HOUR_MS)
        await during(outbox.expire())
      }
      await quiet()
    }
    expect(wire.sent).toEqual(ids)
    expect(await Promise.all(ids.map(state))).toEqual(['sent', 'sent', 'sent', 'sent'])
  })
})

describe('priorities', () => {
  test('decide which chat comes first, and not the order within it', async () => {
    const { outbox, attach, ack } = await world()
    const priorities = { A1: 'low', B1: 'normal', C1: 'high', A2: 'low', B2: 'high' } as const
    const all = Object.entries(priorities).map(([id, priority]) => ({ ...entryOf(id), priority }))
    await during(outbox.accept(all))
    const wire = await attach()
    for (const id of ['C1', 'B1', 'B2', 'A1', 'A2']) await ack(id)
    // What stands before an urgent message is as urgent.
    expect(wire.sent).toEqual(['C1', 'B1', 'A1', 'B2', 'A2'])
  })
})

describe('an ack', () => {
  test('settles the message through the wire: history, event and row together', async () => {
    const { outbox, attach, accept, ack, state, history, events } = await world()
    const wire = await attach()
    const { heard } = outcomeOf(outbox, 'A1')
    await accept(['A1'])
    await ack('A1')
    expect(wire.settled).toEqual(['A1'])
    expect(heard).toEqual([{ state: 'sent' }])
    expect(await state('A1')).toBe('sent')
    expect(await history()).toEqual(['A1'])
    expect(await events()).toMatchObject([{ event: 'message_sent', data: { id: 'A1', body: 'A1', isFromMe: true } }])
  })
  test('that comes twice is heard of once', async () => {
    const { outbox, attach, accept, events, commits } = await world()
    await attach()
    const { heard } = outcomeOf(outbox, 'A1')
    await accept(['A1'])
    outbox.acked('A1', undefined, 1)
    outbox.acked('A1', undefined, 1)
    outbox.acked('A1', '479', 1)
    await quiet()
    expect(heard).toEqual([{ state: 'sent' }])
    expect(await events()).toHaveLength(1)
    expect(commits()).toBe(1)
  })
  test('for something that is not ours changes nothing', async () => {
    const { attach, ack, events, commits } = await world()
    const wire = await attach()
    await ack('Z1')
    expect(wire.settled).toEqual([])
    expect(await events()).toEqual([])
    expect(commits()).toBe(0)
  })
  test.each(NOT_NOW)('with "not now" (%s) tries the same message again before the next of its chat', async (code) => {
    const { attach, accept, ack } = await world()
    const wire = await attach()
    await accept(['A1', 'A2', 'B1'])
    await ack('A1', code)
    await ack('B1')
    await accept(['B2', 'C1'])
    // The other chats go on meanwhile; the one that was refused waits as a whole.
    expect(wire.sent).toEqual(['A1', 'B1', 'B2', 'C1'])
    await quiet(NEXT_TRY_MS)
    expect(wire.sent).toEqual(['A1', 'B1', 'B2', 'C1', 'A1'])
    await ack('A1')
    await ack('A2')
    expect(wire.sent).toEqual(['A1', 'B1', 'B2', 'C1', 'A1', 'A2'])
  })
  test('because of devices (479) asks who they are and tries once more, and only once', async () => {
    const { attach, accept, ack, events } = await world()
    const wire = await attach()
    await accept(['A1', 'A2'])
    await ack('A1', '479')
    expect(wire.sent).toEqual(['A1', 'A1'])
    expect(wire.askedForDevices).toEqual(['A1'])
    await ack('A1', '479')
    expect(await events()).toMatchObject([{ event: 'message_failed', data: { id: 'A1', code: 'WHATSAPP_REJECTED' } }])
    expect(wire.sent).toEqual(['A1', 'A1', 'A2'])
    expect(wire.askedForDevices).toEqual(['A1'])
  })
  test('because of devices is remembered by the next process, which asks for them and does so once', async () => {
    const { outbox, reopen, store, accept, attach, ack, state } = await world()
    await attach()
    await accept(['A1'])
    await ack('A1', '479')
    outbox.detach()
    const next = reopen()
    const later = new TestWire(store)
    await during(next.attach(later))
    expect([later.sent, later.askedForDevices]).toEqual([['A1'], ['A1']])
    next.acked('A1', '479', 1)
    await quiet()
    expect(await state('A1')).toBe('failed')
  })
  test('is on the wire when its frame is, not while it is encrypted', async () => {
    const { outbox, attach, accept, ack } = await world()
    const wire = await attach()
    const { promise, resolve } = Promise.withResolvers<void>()
    wire.sending = () => promise
    await accept(['A1'])
    await quiet(1_000)
    expect([wire.sent, outbox.onWireSince('A1')]).toEqual([['A1'], undefined])
    resolve()
    await quiet()
    expect(outbox.onWireSince('A1')).toBeGreaterThan(0)
    await ack('A1')
    expect(outbox.onWireSince('A1')).toBeUndefined()
  })
  test('with "not now" keeps no place on the wire', async () => {
    const { attach, accept, ack } = await world()
    const wire = await attach()
    await accept(['A1', 'B1', 'C1', 'D1', 'E1'])
    await ack('A1', '429')
    expect(wire.sent).toEqual(['A1', 'B1', 'C1', 'D1', 'E1'])
  })
  test('with "not now" holds the order when more is accepted for the chat while it waits', async () => {
    const { attach, accept, ack } = await world()
    const wire = await attach()
    await accept(['A1', 'A2'], 'batch')
    await ack('A1', '503')
    await accept(['A3'])
    await accept(['B1', 'C1'])
    await quiet(NEXT_TRY_MS)
    for (const id of ['A1', 'A2', 'A3']) await ack(id)
    expect(wire.sent.filter((id) => id.startsWith('A'))).toEqual(['A1', 'A1', 'A2', 'A3'])
  })
  test('with "not now" five times fails the message, and the next of its chat goes out', async () => {
    const { outbox, attach, accept, ack, state } = await world()
    const wire = await attach()
    const { heard } = outcomeOf(outbox, 'A1')
    await accept(['A1', 'A2'])
    for (let refusal = 1; refusal <= 5; refusal++) {
      expect(heard).toEqual([])
      await ack('A1', '500')
      await quiet(NEXT_TRY_MS)
    }
    expect(heard).toMatchObject([{ state: 'failed', code: 'WHATSAPP_REJECTED' }])
    expect(await state('A1')).toBe('failed')
    expect(wire.sent).toEqual(['A1', 'A1', 'A1', 'A1', 'A1', 'A2'])
    await ack('A2')
    expect(await state('A2')).toBe('sent')
  })
  test.each([
    ['463', 'WHATSAPP_RESTRICTED'],
    ['404', 'NOT_ON_WHATSAPP'],
    ['400', 'WHATSAPP_REJECTED'],
    ['400', 'WHATSAPP_REJECTED'],
  ])('with the final error %s fails the message at once as %s', async (error, code) => {
    const { outbox, attach, accept, ack, state, events, history } = await world()
    const wire = await attach()
    const { heard } = outcomeOf(outbox, 'A1')
    await accept(['A1', 'A2'])
    await ack('A1', error)
    expect(heard).toMatchObject([{ state: 'failed', code }])
    expect(await state('A1')).toBe('failed')
    expect(wire.settled).toEqual(['A1'])
    expect(await events()).toMatchObject([{ event: 'message_failed', data: { id: 'A1', chatId: chatOf('A1'), code } }])
    expect(await history()).toEqual([])
    expect(wire.sent).toEqual(['A1', 'A2'])
  })
})

test('a batch that is called off while the connection is lost and comes back is not sent by the next one', async () => {
  const { outbox, store, attach, state } = await world()
  await attach()
  const ids = ['A1', 'B1', 'C1', 'D1', 'E1']
  await during(outbox.accept(ids.map((id, index) => ({ ...entryOf(id), batch: { id: 'called off', index } }))))
  const waiting = await during(store.read(() => rows.ofBatch('s', 'called off')))
  const written = store.holdWrites()
  const cancelled = outbox.cancel('called off', waiting)
  await quiet()
  outbox.detach()
  const next = await attach()
  written()
  await during(cancelled)
  await quiet()
  // What had been on the wire may have arrived.
  expect(next.sent).toEqual(['A1', 'B1', 'C1', 'D1'])
  outbox.acked('A1', undefined, 1)
  await quiet()
  expect([await state('A1'), await state('E1')]).toEqual(['sent', 'cancelled'])
  expect(next.sent).toEqual(['A1', 'B1', 'C1', 'D1'])
})

test('a message that WhatsApp has acknowledged cannot be called off while that is being written', async () => {
  const { outbox, store, attach, accept, state } = await world()
  const wire = await attach()
  await accept(['A1'])
  const [entry] = await during(store.read(() => rows.unsettled('s')))
  if (!entry) throw new Error('It does not wait.')
  // The connection commits what it has before; others who write do not wait for that.
  const { promise, resolve } = Promise.withResolvers<void>()
  wire.settle = async (_id, work) => {
    await promise
    await store.write(work)
  }
  outbox.acked('A1', undefined, Date.now())
  const calledOff = outbox.callOff(entry)
  await quiet()
  resolve()
  expect(await during(calledOff)).toBe(false)
  expect(await state('A1')).toBe('sent')
})

test('a message whose ack could not be written cannot be called off when the connection is gone', async () => {
  const { outbox, store, attach, accept, state } = await world()
  const wire = await attach()
  await accept(['A1'])
  const [entry] = await during(store.read(() => rows.unsettled('s')))
  if (!entry) throw new Error('It does not wait.')
  wire.settle = () => Promise.reject(new Error('the disk is gone'))
  outbox.acked('A1', undefined, Date.now())
  await quiet()
  outbox.detach()
  expect(await during(outbox.callOff(entry))).toBe(false)
  expect(await state('A1')).toBe('queued')
  const next = await attach()
  expect(next.sent).toEqual(['A1'])
})

test.each([undefined, '400'])(
  'what was answered (%s) is not sent by a wire that comes while that is being written',
  async (error) => {
    const { outbox, store, attach, accept, wire } = await world()
    const first = await attach()
    await accept(['A1'])
    const { promise, resolve } = Promise.withResolvers<void>()
    first.settle = async (_id, work) => {
      await promise
      await store.write(work)
    }
    outbox.acked('A1', error, Date.now())
    outbox.detach()
    const next = wire()
    const attached = outbox.attach(next)
    await quiet()
    resolve()
    await during(attached)
    await quiet()
    expect(next.sent).toEqual([])
  },
)

describe('while the account may begin no chats', () => {
  const HOUR_MS = 60 * 60_000
  const until = (at: number): Reachout => ({ isRestricted: true, until: at, reason: 'BIZ_QUALITY' })

  test('what is refused for it fails, and the next new chats wait until the end that WhatsApp names, and go then', async () => {
    const { outbox, attach, accept, ack, state, events } = await world()
    const wire = await attach()
    const end = Date.now() + 3 * HOUR_MS
    wire.reachout = async () => until(end)
    const { heard } = outcomeOf(outbox, 'A1')
    await accept(['A1'])
    await ack('A1', '463')
    expect(heard).toMatchObject([{ state: 'failed', code: 'WHATSAPP_RESTRICTED', until: end }])
    await accept(['A2', 'B1'])
    await quiet(end - Date.now() - 1_000)
    expect(wire.sent).toEqual(['A1'])
    expect([await state('A1'), await state('A2')]).toEqual(['failed', 'queued'])
    await quiet(2_000)
    expect(wire.sent).toEqual(['A1', 'A2', 'B1'])
    const told = (await events()).map(({ event, data }) => [event, data.until])
    expect(told).toEqual([
      ['message_failed', undefined],
      ['account_restricted', end],
    ])
  })
  test('chats that there are go on, also while WhatsApp is asked, which is done once for all that were refused', async () => {
    const { attach, accept, ack } = await world()
    const wire = await attach()
    await accept(['A1'])
    await ack('A1')
    const asked = Promise.withResolvers<Reachout>()
    let questions = 0
    wire.reachout = () => {
      questions++
      return asked.promise
    }
    await accept(['B1', 'C1'])
    await ack('B1', '463')
    await ack('C1', '463')
    await accept(['A2', 'D1'])
    expect(wire.sent).toEqual(['A1', 'B1', 'C1', 'A2'])
    asked.resolve(until(Date.now() + HOUR_MS))
    await quiet()
    expect(questions).toBe(1)
    expect(wire.sent).toEqual(['A1', 'B1', 'C1', 'A2'])
  })
  test.each([
    ['does not answer', () => new Promise<Reachout>(() => {})],
    ['answers with an error', () => Promise.reject(new Error('501'))],
    ['names no end', async () => ({ isRestricted: true, until: null, reason: null })],
  ])('new chats wait for an hour when WhatsApp %s', async (_, reachout) => {
    const { attach, accept, ack, events } = await world()
    const wire = await attach()
    wire.reachout = reachout
    await accept(['A1'])
    await ack('A1', '463')
    await quiet(10_000)
    await accept(['B1'])
    await quiet(HOUR_MS - 20_000)
    expect(wire.sent).toEqual(['A1'])
    await quiet(20_000)
    expect(wire.sent).toEqual(['A1', 'B1'])
    const told = (await events()).find(({ event }) => event === 'account_restricted')
    expect(told?.data).toMatchObject({ until: expect.any(Number), reason: null })
  })
  test('the next process knows it, and a chat that was refused waits though something was said there before', async () => {
    const { outbox, reopen, attach, accept, ack } = await world()
    const wire = await attach()
    const end = Date.now() + HOUR_MS
    wire.reachout = async () => until(end)
    await accept(['A1'])
    await ack('A1')
    await accept(['A2'])
    await ack('A2', '463')
    outbox.detach()
    const next = reopen()
    const later = await attach(next)
    await accept(['A3', 'B1'], 'singles', next)
    expect(later.sent).toEqual([])
    await quiet(HOUR_MS + 1_000)
    expect(later.sent).toEqual(['A3', 'B1'])
  })
  test('a connection that ends while WhatsApp is asked does not make the next one send it again', async () => {
    const { outbox, store, attach, accept, ack, state } = await world()
    const wire = await attach()
    wire.reachout = () => new Promise(() => {})
    await accept(['A1'])
    await ack('A1', '463')
    const written = store.holdWrites()
    outbox.detach()
    const second = attach()
    await quiet()
    written()
    await quiet()
    expect((await second).sent).toEqual([])
    expect(await state('A1')).toBe('failed')
  })
  test('what is said of another account says nothing about this one', async () => {
    const { outbox, attach, accept, ack, linkedTo } = await world()
    const wire = await attach()
    wire.reachout = async () => until(Date.now() + HOUR_MS)
    await accept(['A1'])
    await ack('A1', '463')
    outbox.detach()
    linkedTo(OTHER)
    const later = await attach()
    await accept(['B1'])
    expect(later.sent).toEqual(['B1'])
  })
  test('that WhatsApp lifts early, what waited goes; it is told once each', async () => {
    const { outbox, attach, accept, events } = await world()
    const wire = await attach()
    const end = Date.now() + HOUR_MS
    await during(outbox.reachout(until(end)))
    await during(outbox.reachout(until(end)))
    await accept(['A1'])
    expect(wire.sent).toEqual([])
    const over: Reachout = { isRestricted: false, until: null, reason: null }
    await during(outbox.reachout(over))
    await during(outbox.reachout(over))
    expect(wire.sent).toEqual(['A1'])
    const told = (await events()).map(({ event, data }) => [event, data.until])
    expect(told).toEqual([
      ['account_restricted', end],
      ['account_restricted', null],
    ])
  })
  test('that is lifted while a message is being looked at, it goes', async () => {
    const { outbox, store, attach, accept } = await world()
    const wire = await attach()
    await accept(['B1'])
    await during(outbox.reachout(until(Date.now() + HOUR_MS)))
    const answer = store.holdReads('their answer')
    await accept(['A1'])
    await during(outbox.reachout({ isRestricted: false, until: null, reason: null }))
    answer()
    await quiet()
    expect(wire.sent).toEqual(['B1', 'A1'])
  })
  test('a message waits longer than its deadline, which begins when it may go', async () => {
    const { outbox, attach, accept, ack, state } = await world()
    const wire = await attach()
    await during(outbox.reachout(until(Date.now() + 3 * SEND_DEADLINE_MS)))
    await accept(['A1'])
    await quiet(2 * SEND_DEADLINE_MS)
    await during(outbox.expire())
    expect(await state('A1')).toBe('queued')
    await quiet(SEND_DEADLINE_MS + 1_000)
    expect(wire.sent).toEqual(['A1'])
    await ack('A1')
    expect(await state('A1')).toBe('sent')
  })
})

describe('a message whose time is over', () => {
  test('is not sent by the next wire: it is expired, and told as failed', async () => {
    const { outbox, attach, accept, state, events } = await world()
    const { heard } = outcomeOf(outbox, 'A1')
    await accept(['A1'])
    vi.setSystemTime(Date.now() + SEND_DEADLINE_MS + 1)
    await accept(['A2'])
    const wire = await attach()
    expect(wire.sent).toEqual(['A2'])
    expect(heard).toMatchObject([{ state: 'failed', code: 'EXPIRED' }])
    expect(await state('A1')).toBe('expired')
    expect(await events()).toMatchObject([{ event: 'message_failed', data: { id: 'A1', code: 'EXPIRED' } }])
  })
  test('expires without any connection, and what has time left does not', async () => {
    const { outbox, accept, state, events, commits } = await world()
    const { heard } = outcomeOf(outbox, 'A1')
    await accept(['A1'])
    vi.setSystemTime(Date.now() + SEND_DEADLINE_MS + 1)
    await accept(['A2', 'B1'])
    await during(outbox.expire())
    expect(await state('A1')).toBe('expired')
    expect([await state('A2'), await state('B1')]).toEqual(['queued', 'queued'])
    expect(heard).toMatchObject([{ state: 'failed', code: 'EXPIRED' }])
    expect(await events()).toMatchObject([{ event: 'message_failed', data: { id: 'A1', code: 'EXPIRED' } }])
    expect(commits()).toBeGreaterThan(0)
  })
  test('is told once, however often somebody looks', async () => {
    const { outbox, attach, accept, events } = await world()
    await accept(['A1'])
    vi.setSystemTime(Date.now() + SEND_DEADLINE_MS + 1)
    await during(Promise.all([outbox.expire(), outbox.expire()]))
    await during(outbox.expire())
    const wire = await attach()
    expect(await events()).toHaveLength(1)
    expect(wire.sent).toEqual([])
  })
  test('gives its place in the outbox back', async () => {
    const { outbox, accept } = await world({ limit: 2 })
    await accept(['A1', 'A2'])
    vi.setSystemTime(Date.now() + SEND_DEADLINE_MS + 1)
    await during(outbox.expire())
    await accept(['A3', 'A4'])
    await expect(accept(['A5'])).rejects.toMatchObject({ code: 'OUTBOX_FULL' })
  })
  test('gives back only its own place, however often somebody looks', async () => {
    const { outbox, accept } = await world({ limit: 2 })
    await accept(['A1'])
    vi.setSystemTime(Date.now() + SEND_DEADLINE_MS + 1)
    await accept(['A2'])
    await during(Promise.all([outbox.expire(), outbox.expire()]))
    await accept(['A3'])
    await expect(accept(['A4'])).rejects.toMatchObject({ code: 'OUTBOX_FULL' })
  })
  test('while it waits for its next try is not tried again, and the one after it goes out', async () => {
    const { outbox, attach, accept, ack, state } = await world()
    const wire = await attach()
    await accept(['A1'])
    await ack('A1', '503')
    vi.setSystemTime(Date.now() + SEND_DEADLINE_MS + 1)
    await accept(['A2'])
    await during(outbox.expire())
    expect(await state('A1')).toBe('expired')
    await quiet(NEXT_TRY_MS)
    expect(wire.sent).toEqual(['A1', 'A2'])
  })
  test('while it waits behind another of its chat is not sent, and the one after it goes out', async () => {
    const { outbox, attach, accept, ack, state, events } = await world({ limit: 3 })
    const wire = await attach()
    await accept(['A1', 'A2'])
    vi.setSystemTime(Date.now() + SEND_DEADLINE_MS + 1)
    await accept(['A3'])
    await during(outbox.expire())
    // What is on the wire may have arrived: only its ack, or the end of the wire, settles it.
    expect([await state('A1'), await state('A2'), await state('A3')]).toEqual(['queued', 'expired', 'queued'])
    await ack('A1')
    expect(wire.sent).toEqual(['A1', 'A3'])
    expect((await events()).map(({ event, data }) => [event, data.id])).toEqual([
      ['message_failed', 'A2'],
      ['message_sent', 'A1'],
    ])
    await accept(['A4', 'A5'])
    await expect(accept(['A6'])).rejects.toMatchObject({ code: 'OUTBOX_FULL' })
  })
  test('while WhatsApp is asked for its recipient is not sent after it was told as failed', async () => {
    const { outbox, attach, accept, events } = await world()
    const wire = await attach()
    let answer: (exists: boolean) => void = () => {}
    wire.exists = () => new Promise((answered) => (answer = answered))
    await accept(['A1'])
    vi.setSystemTime(Date.now() + SEND_DEADLINE_MS + 1)
    await during(outbox.expire())
    answer(true)
    await quiet()
    expect((await events()).map(({ event }) => event)).toEqual(['message_failed'])
    expect(wire.sent).toEqual([])
  })
})

describe('what another account accepted', () => {
  test('is not sent and fails', async () => {
    const { outbox, attach, accept, linkedTo, state, events } = await world()
    const { heard } = outcomeOf(outbox, 'A1')
    await accept(['A1', 'B1'])
    linkedTo(OTHER)
    await accept(['A2'])
    const wire = await attach()
    expect(wire.sent).toEqual(['A2'])
    expect(heard).toMatchObject([{ state: 'failed', code: 'WHATSAPP_REJECTED' }])
    expect([await state('A1'), await state('B1')]).toEqual(['failed', 'failed'])
    expect((await events()).map(({ event, data }) => [event, data.id])).toEqual([
      ['message_failed', 'A1'],
      ['message_failed', 'B1'],
    ])
  })
})

describe('a full outbox', () => {
  test('takes nothing of what would be too much, and says how much it holds', async () => {
    const { store, accept } = await world({ limit: 3 })
    await accept(['A1', 'A2'])
    await expect(accept(['B1', 'B2'])).rejects.toMatchObject({
      code: 'OUTBOX_FULL',
      details: { limit: 3, retryAfterMs: expect.any(Number) },
    })
    expect((await store.read(() => rows.unsettled('s'))).map(({ id }) => id)).toEqual(['A1', 'A2'])
    await accept(['B1'])
    await expect(accept(['B2'])).rejects.toMatchObject({ code: 'OUTBOX_FULL' })
  })
  test('has room again when something is sent or fails', async () => {
    const { attach, accept, ack } = await world({ limit: 2 })
    await attach()
    await accept(['A1', 'B1'])
    await expect(accept(['C1'])).rejects.toMatchObject({ code: 'OUTBOX_FULL' })
    await ack('A1')
    await accept(['C1'])
    await ack('B1', '400')
    await accept(['D1'])
    await expect(accept(['E1'])).rejects.toMatchObject({ code: 'OUTBOX_FULL' })
  })
  test('is as full in the next process', async () => {
    const { reopen, accept } = await world({ limit: 2 })
    await accept(['A1', 'B1'])
    await expect(accept(['C1'], 'singles', reopen())).rejects.toMatchObject({ code: 'OUTBOX_FULL' })
  })
  test('is not overfilled by two who come at the same time', async () => {
    const { outbox, store } = await world({ limit: 3 })
    const ended = await during(
      Promise.allSettled([
        outbox.accept([entryOf('A1'), entryOf('A2')]),
        outbox.accept([entryOf('B1'), entryOf('B2')]),
      ]),
    )
    expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(await store.read(() => rows.waiting('s'))).toMatchObject({ count: 2 })
  })
  test('is counted right when it was attached while somebody accepts', async () => {
    const { outbox, wire, accept } = await world({ limit: 3 })
    await during(Promise.all([outbox.accept([entryOf('A1'), entryOf('B1')]), outbox.attach(wire())]))
    await accept(['C1'])
    await expect(accept(['D1'])).rejects.toMatchObject({ code: 'OUTBOX_FULL' })
  })
})

describe('a recipient of whom WhatsApp says nothing', () => {
  const about = (letter: string) => (entry: rows.OutboxEntry) =>
    entry.id.startsWith(letter) ? new Promise<void>(() => {}) : Promise.resolve()

  test('holds no other chat up, has no place on the wire, and ends no connection', async () => {
    const { attach, accept, ack, state } = await world()
    const wire = await attach()
    wire.preparing = about('A')
    await accept(['A1', 'A2', 'B1', 'C1', 'D1', 'E1'])
    await quiet(PATIENCE_MS)
    expect(wire.sent).toEqual(['B1', 'C1', 'D1', 'E1'])
    for (const id of ['B1', 'C1', 'D1', 'E1']) await ack(id)
    await quiet(10 * ACK_TIMEOUT_MS)
    expect(wire.lostBecause).toEqual([])
    expect(await state('A1')).toBe('queued')
    expect(wire.sent).not.toContain('A1')
  })
  test('gets the message once when WhatsApp says it, and the next after it', async () => {
    const { attach, accept, ack } = await world()
    const wire = await attach()
    const { promise, resolve } = Promise.withResolvers<void>()
    wire.preparing = () => promise
    await accept(['A1', 'A2'])
    await quiet(10 * PATIENCE_MS)
    expect(wire.sent).toEqual([])
    resolve()
    await quiet()
    expect(wire.sent).toEqual(['A1'])
    await ack('A1')
    expect(wire.sent).toEqual(['A1', 'A2'])
  })
  test('gets it from the next connection, and not from the answer that comes late', async () => {
    const { outbox, attach, accept, ack } = await world()
    const first = await attach()
    const { promise, resolve } = Promise.withResolvers<void>()
    first.preparing = () => promise
    await accept(['A1'])
    await quiet(2 * PATIENCE_MS)
    outbox.detach()
    const second = await attach()
    resolve()
    await quiet()
    await ack('A1')
    await quiet(ACK_TIMEOUT_MS)
    expect([first.sent, second.sent]).toEqual([[], ['A1']])
  })
  test('is asked for again every minute, over restarts too, until it expires; that is no try', async () => {
    const warnings: Record<string, unknown>[] = []
    const noting: Logger = { ...logger, warn: (facts) => void warnings.push(Object(facts)) }
    const { outbox, reopen, attach, accept, state, store } = await world({ logger: noting })
    const tries: string[] = []
    const preparing = (entry: rows.OutboxEntry) => {
      tries.push(entry.id)
      return new Promise<void>(() => {})
    }
    const wire = await attach()
    wire.preparing = preparing
    await accept(['A1'])
    await quiet(ACK_TIMEOUT_MS)
    const waits = await store.read(() => rows.byId('s', 'A1'))
    expect(waits).toMatchObject({ tries: 0, retryAt: expect.any(Number) })
    expect(warnings).toMatchObject([{ id: 'A1', hitch: 'unanswered', tries: 0, afterMs: 60_000 }])
    // The next process does not ask before its time either.
    outbox.detach()
    const next = reopen()
    const { heard } = outcomeOf(next, 'A1')
    const second = await attach(next)
    second.preparing = preparing
    await quiet(50_000)
    expect(tries).toHaveLength(1)
    await quiet(9 * 60_000)
    expect(tries).toHaveLength(7)
    expect(await state('A1')).toBe('queued')
    expect(heard).toEqual([])
    await quiet(SEND_DEADLINE_MS)
    expect(heard).toMatchObject([{ state: 'failed', code: 'EXPIRED' }])
    expect(await state('A1')).toBe('expired')
    expect([...wire.lostBecause, ...second.lostBecause]).toEqual([])
  })
})

describe('what waits for an answer of WhatsApp', () => {
  const row = async (store: Store, id: string) => {
    const entry = await during(store.read(() => rows.byId('s', id)))
    if (!entry) throw new Error('It is not there.')
    return entry
  }
  test.each(['is not given', 'is an error'])(
    'and was on the wire of a connection that was lost cannot be called off when the answer %s',
    async (answer) => {
      const { outbox, store, attach, accept, state, wire } = await world()
      const first = await attach()
      await accept(['A1'])
      expect(first.sent).toEqual(['A1'])
      outbox.detach()
      const second = wire()
      second.preparing = () =>
        answer === 'is an error' ? Promise.reject(new Error('no devices')) : new Promise<void>(() => {})
      await during(outbox.attach(second))
      await quiet(ACK_TIMEOUT_MS)
      expect(await during(outbox.callOff(await row(store, 'A1')))).toBe(false)
      expect(await state('A1')).toBe('queued')
    },
  )
  test('goes with nothing of a batch that is paused while the answer is awaited', async () => {
    const { outbox, store, attach, accept, ack } = await world()
    const wire = await attach()
    const { promise, resolve } = Promise.withResolvers<void>()
    wire.preparing = () => promise
    await accept(['A1'], 'batch')
    await during(outbox.hold('batch from A1', [await row(store, 'A1')]))
    await accept(['A2'])
    await quiet(PATIENCE_MS)
    resolve()
    await quiet(ACK_TIMEOUT_MS)
    expect(wire.sent).toEqual(['A2'])
    await ack('A2')
    await during(outbox.release('batch from A1', Date.now()))
    expect(wire.sent).toEqual(['A2', 'A1'])
  })
  test('is not sent when its batch is called off meanwhile', async () => {
    const { outbox, store, attach, accept, ack, state } = await world()
    const wire = await attach()
    const { promise, resolve } = Promise.withResolvers<void>()
    wire.preparing = () => promise
    await accept(['A1'], 'batch')
    await accept(['A2'])
    await during(outbox.cancel('batch from A1', [await row(store, 'A1')]))
    await quiet(PATIENCE_MS)
    resolve()
    await quiet(ACK_TIMEOUT_MS)
    expect(wire.sent).toEqual(['A2'])
    await ack('A2')
    expect([await state('A1'), await state('A2')]).toEqual(['cancelled', 'sent'])
  })
  test('is not sent again when writing it fails after it was acknowledged', async () => {
    const { attach, accept, ack, events } = await world()
    const wire = await attach()
    const { promise, reject } = Promise.withResolvers<void>()
    wire.sending = () => promise
    await accept(['A1', 'A2'])
    await ack('A1')
    wire.sending = async () => {}
    reject(new Error('too late'))
    await quiet(NEXT_TRY_MS)
    await ack('A2')
    expect(wire.sent).toEqual(['A1', 'A2'])
    expect((await events()).map(({ event }) => event)).toEqual(['message_sent', 'message_sent'])
  })
  test('is asked for again when the answer has become old', async () => {
    const { outbox, store, attach, accept } = await world()
    const wire = await attach()
    const { promise, resolve } = Promise.withResolvers<void>()
    const asked: string[] = []
    wire.preparing = ({ id }) => {
      asked.push(id)
      return promise
    }
    await accept(['A1'], 'batch')
    await quiet(PATIENCE_MS)
    await during(outbox.hold('batch from A1', [await row(store, 'A1')]))
    resolve()
    await quiet(60 * 60_000)
    await during(outbox.release('batch from A1', Date.now()))
    expect(wire.sent).toEqual(['A1'])
    expect(asked).toEqual(['A1', 'A1'])
  })
})

test('nothing is kept of messages that were sent while the connection lasts', async () => {
  const { outbox, attach, accept, ack } = await world()
  const waiting = vi.spyOn(Ending.prototype, 'or')
  onTestFinished(() => waiting.mockRestore())
  await attach()
  for (let n = 1; n <= 50; n++) {
    await accept([`A${n}`])
    await ack(`A${n}`)
  }
  const endings = new Set(waiting.mock.contexts as Ending[])
  expect([...endings].map((ending) => ending.waiting)).toEqual([0])
  outbox.detach()
})

describe('a wire that falls silent', () => {
  test('is said to be lost after 30 s without an ack, and the next sends the same id', async () => {
    const { outbox, attach, accept, ack, history } = await world()
    const first = await attach()
    await accept(['A1', 'A2'])
    await quiet(ACK_TIMEOUT_MS - 2 * QUIET_MS)
    expect(first.lostBecause).toEqual([])
    await quiet(2 * QUIET_MS)
    expect(first.lostBecause).toHaveLength(1)
    outbox.detach()
    const second = await attach()
    expect(second.sent).toEqual(['A1'])
    await ack('A1')
    await ack('A2')
    expect(second.sent).toEqual(['A1', 'A2'])
    expect(await history()).toEqual(['A1', 'A2'])
  })
  test('in the middle of a frame does not keep the next from sending', async () => {
    const { outbox, attach, accept, ack, history } = await world()
    const first = await attach()
    first.sending = () => new Promise(() => {})
    await accept(['A1', 'B1'])
    outbox.detach()
    const second = await attach()
    expect(second.sent).toEqual(['A1', 'B1'])
    for (const id of ['A1', 'B1']) await ack(id)
    expect(await history()).toEqual(['A1', 'B1'])
  })
  test('is not lost when the ack comes in time, or when it was let go', async () => {
    const { outbox, attach, accept, ack } = await world()
    const wire = await attach()
    await accept(['A1'])
    await quiet(ACK_TIMEOUT_MS - 2 * QUIET_MS)
    await ack('A1')
    await accept(['B1'])
    outbox.detach()
    await quiet(2 * ACK_TIMEOUT_MS)
    expect(wire.lostBecause).toEqual([])
  })
})

describe('detaching', () => {
  test('while a message waits for its place on the wire, lets the next wire send everything, in order', async () => {
    const { outbox, attach, accept, ack } = await world()
    const ids = ['A1', 'B1', 'C1', 'D1', 'E1', 'F1']
    const first = await attach()
    await accept(ids)
    expect(first.sent).toEqual(ids.slice(0, WINDOW))
    outbox.detach()
    await quiet()
    expect(first.sent).toEqual(ids.slice(0, WINDOW))
    const second = await attach()
    expect(second.sent).toEqual(ids.slice(0, WINDOW))
    for (const id of ids) await ack(id)
    expect(second.sent).toEqual(ids)
  })
  test('and attaching in one turn does the same', async () => {
    const { outbox, attach, accept, ack } = await world()
    const ids = ['A1', 'B1', 'C1', 'D1', 'E1', 'A2']
    await attach()
    await accept(ids)
    outbox.detach()
    const second = await attach()
    for (const id of ids) await ack(id)
    expect(second.sent).toEqual(ids)
  })
  test('while a message waits for its next try sends it with the next wire, first and once', async () => {
    const { outbox, attach, accept, ack } = await world()
    await attach()
    await accept(['A1', 'A2'])
    await ack('A1', '503')
    outbox.detach()
    const second = await attach()
    await quiet(NEXT_TRY_MS)
    expect(second.sent).toEqual(['A1'])
    await ack('A1')
    await ack('A2')
    expect(second.sent).toEqual(['A1', 'A2'])
  })
  test('while a frame is being written leaves the message to the next wire', async () => {
    const { outbox, attach, accept, ack, state } = await world()
    const first = await attach()
    let fail: (error: Error) => void = () => {}
    first.sending = () => new Promise((_, reject) => (fail = reject))
    await accept(['A1'])
    outbox.detach()
    fail(new Error('Connection Closed'))
    await quiet()
    const second = await attach()
    expect(await state('A1')).toBe('queued')
    expect(second.sent).toEqual(['A1'])
    await ack('A1')
    expect(await state('A1')).toBe('sent')
  })
  test('leaves an ack of the old wire nothing to settle', async () => {
    const { outbox, attach, accept, ack, state } = await world()
    await attach()
    await accept(['A1'])
    outbox.detach()
    await ack('A1')
    expect(await state('A1')).toBe('queued')
  })
})

describe('a message that cannot be sent', () => {
  test('to somebody who is not on WhatsApp fails, and the others go out', async () => {
    const { outbox, attach, accept } = await world()
    const wire = await attach()
    wire.strangers.add(chatOf('A1'))
    const { heard } = outcomeOf(outbox, 'A1')
    await accept(['A1', 'B1'])
    expect(heard).toMatchObject([{ state: 'failed', code: 'NOT_ON_WHATSAPP' }])
    expect(wire.sent).toEqual(['B1'])
  })
  test('because it was not written is not sent: accepting rejects, and room is left for it', async () => {
    const { store, attach, accept, events } = await world({ limit: 1 })
    const wire = await attach()
    store.fails = true
    await expect(accept(['A1'])).rejects.toThrow('the disk is gone')
    store.fails = false
    await quiet(NEXT_TRY_MS)
    expect(wire.sent).toEqual([])
    expect(await store.read(() => rows.unsettled('s'))).toEqual([])
    expect(await events()).toEqual([])
    await accept(['A1'])
    expect(wire.sent).toEqual(['A1'])
  })
})

describe('whoever asks for the outcome', () => {
  test('hears it once, and each of several does', async () => {
    const { outbox, attach, accept, ack } = await world()
    await attach()
    const [first, second] = [outcomeOf(outbox, 'A1'), outcomeOf(outbox, 'A1')]
    await accept(['A1'])
    await ack('A1')
    await ack('A1')
    expect([first.heard, second.heard]).toEqual([[{ state: 'sent' }], [{ state: 'sent' }]])
  })
  test('hears it of the wire that settled it, after others were lost', async () => {
    const { outbox, attach, accept, ack } = await world()
    const { heard } = outcomeOf(outbox, 'A1')
    await attach()
    await accept(['A1'])
    outbox.detach()
    await attach()
    expect(heard).toEqual([])
    await ack('A1')
    expect(heard).toEqual([{ state: 'sent' }])
  })
})

describe('a message that is typed', () => {
  const typed = { ...entryOf('A1'), typing: true }

  test('goes after that, and holds nobody up who asked', async () => {
    const { outbox, attach } = await world()
    const wire = await attach()
    await during(outbox.accept([typed]))
    expect([wire.typed, wire.sent]).toEqual([[chatOf('A1')], []])
    await quiet(LONGEST_TYPING_MS)
    expect(wire.sent).toEqual(['A1'])
  })
  test('goes also when typing cannot be shown', async () => {
    const { outbox, attach } = await world()
    const wire = await attach()
    wire.showing = () => Promise.reject(new Error('not allowed'))
    await during(outbox.accept([typed]))
    expect(wire.sent).toEqual(['A1'])
  })
  test('is typed again by the next connection', async () => {
    const { outbox, attach } = await world()
    const first = await attach()
    await during(outbox.accept([typed]))
    outbox.detach()
    const second = await attach()
    await quiet(LONGEST_TYPING_MS)
    expect([first.sent, second.typed, second.sent]).toEqual([[], [chatOf('A1')], ['A1']])
  })
})

describe('a clock that is set', () => {
  const HOUR_MS = 60 * 60_000
  const DAY_MS = 24 * HOUR_MS
  const jumps = [
    ['an hour on', HOUR_MS],
    ['an hour back', -HOUR_MS],
    ['30 days on', 30 * DAY_MS],
    ['30 days back', -30 * DAY_MS],
    ['to 2038', Date.UTC(2038, 0, 20) - Date.now()],
    ['to 1970', 1 - Date.now()],
  ] as const

  test.each(jumps)('%s gives no message more to a chat, and holds none up for longer', async (_, ms) => {
    const { outbox, attach, accept, ack } = await world({ limits: { messagesPerChatPerHour: 1 } })
    const wire = await attach()
    await accept(['A1'])
    await ack('A1')
    vi.setSystemTime(Date.now() + ms)
    await accept(['A2', 'B1'])
    await ack('B1')
    await quiet(HOUR_MS - 10 * QUIET_MS)
    expect(wire.sent).toEqual(['A1', 'B1'])
    await quiet(20 * QUIET_MS)
    expect(wire.sent).toEqual(['A1', 'B1', 'A2'])
    outbox.detach()
  })
  test.each(jumps)('%s lets nobody begin more chats, over a new connection either', async (_, ms) => {
    const { outbox, attach, accept, ack } = await world({ limits: { newChatsPerDay: 1 } })
    await attach()
    await accept(['A1'])
    await ack('A1')
    vi.setSystemTime(Date.now() + ms)
    outbox.detach()
    const wire = await attach()
    await accept(['B1'])
    await quiet(DAY_MS - 10 * QUIET_MS)
    expect(wire.sent).toEqual([])
    await quiet(20 * QUIET_MS)
    expect(wire.sent).toEqual(['B1'])
  })
  test('back by a process before this one gives no credit', async () => {
    const { store, attach, accept, ack } = await world({ limits: { messagesPerChatPerHour: 1 } })
    await attach()
    await accept(['A1'])
    await ack('A1')
    await during(store.write(() => run('UPDATE outbox SET done_at = done_at + ?', 30 * DAY_MS)))
    const wire = await attach()
    await accept(['A2'])
    await quiet(HOUR_MS - 10 * QUIET_MS)
    expect(wire.sent).toEqual([])
    await quiet(20 * QUIET_MS)
    expect(wire.sent).toEqual(['A2'])
  })
})
