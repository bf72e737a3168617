import { journal, openMemoryStore, rows, type Store, webhooks } from '@wamux/core/stores'
import { type Logger, pino } from 'pino'
import { onTestFinished } from 'vitest'
import { LOOPBACK } from '../src/webhooks/addresses.ts'
import type { Clock } from '../src/webhooks/clock.ts'
import { Dispatcher } from '../src/webhooks/dispatcher.ts'
import { OutboundGuard } from '../src/webhooks/guard.ts'
import type { Received } from './helpers.ts'

export const START = Date.UTC(2026, 0, 1)

/** Time that passes only when it is told to, from one alarm to the next, and a clock on the wall that can be set. */
export class TurnedClock implements Clock {
  #now = START
  #setBy = 0
  #alarms: { at: number; ring: () => void }[] = []
  #armed: (() => void)[] = []

  now(): number {
    return this.#now + this.#setBy
  }

  steady(): number {
    return this.#now
  }

  /** Somebody sets the clock on the wall forward, or back. No time passes. */
  set(byMs: number): void {
    this.#setBy += byMs
  }

  wake(at: number, ring: () => void): () => void {
    const alarm = { at, ring }
    this.#alarms.push(alarm)
    for (const tell of this.#armed.splice(0)) tell()
    return () => {
      this.#alarms = this.#alarms.filter((one) => one !== alarm)
    }
  }

  /** Lets time pass that nobody asked to be woken in; less than none is a clock that was set back before this process began. */
  turn(ms: number): void {
    this.#now += ms
  }

  /** When the next alarm rings, or undefined. */
  get alarm(): number | undefined {
    return this.#alarms.reduce<number | undefined>((first, { at }) => Math.min(first ?? at, at), undefined)
  }

  /** Waits until something wants to be woken. */
  async armed(): Promise<void> {
    while (this.#alarms.length === 0) await new Promise<void>((tell) => this.#armed.push(tell))
  }

  /** Waits until something wants to be woken, goes there, and says how long that was. */
  async next(): Promise<number> {
    await this.armed()
    this.#alarms.sort((a, b) => a.at - b.at)
    const alarm = this.#alarms.shift()
    const before = this.#now
    this.#now = Math.max(this.#now, alarm?.at ?? 0)
    alarm?.ring()
    return this.#now - before
  }
}

export interface Setup {
  store: Store
  clock: TurnedClock
  /** A dispatcher like that of another process on the same data, which may reach them `through` something. */
  dispatcher: (through?: Store) => Dispatcher
  /** Sets a webhook: of `demo` and called `default`, unless it says otherwise. */
  point: (
    url: string,
    chosen?: Partial<webhooks.WebhookSettings> & { session?: string; id?: string },
  ) => Promise<unknown>
  happens: (chat: string | null, body: string, session?: string, timestamp?: number) => Promise<void>
}

export async function setUp(
  url?: string,
  secret: string | null = null,
  logger: Logger = pino({ level: 'silent' }),
): Promise<Setup> {
  const store = await openMemoryStore()
  const guard = new OutboundGuard(LOOPBACK)
  const clock = new TurnedClock()
  const running: Dispatcher[] = []
  onTestFinished(async () => {
    await Promise.all([...running.map((one) => one.stop()), guard.close()])
    await store.close()
  })
  const point: Setup['point'] = (to, { session = 'demo', id = webhooks.DEFAULT, ...chosen } = {}) =>
    store.write(() =>
      webhooks.set(session, id, { ...webhooks.PLAIN, name: id, url: to, changedAt: clock.now(), ...chosen }),
    )
  if (url !== undefined) await point(url, { secret })
  return {
    store,
    point,
    clock,
    dispatcher: (through = store) => {
      const made = new Dispatcher({
        store: through,
        post: (...of) => guard.post(...of),
        clock,
        logger,
        version: '0.0.0',
        random: () => 0.5,
        journalled: (session) => made.ring(session),
      })
      running.push(made)
      return made
    },
    happens: (chat, body, session = 'demo', timestamp = START) =>
      store.write(() =>
        journal.append(session, 'message', chat, timestamp, {
          id: body,
          chatId: chat ?? '',
          from: chat ?? '',
          author: null,
          body,
          isFromMe: false,
          contactName: '',
          timestamp,
          type: 'text',
          ack: null,
        }),
      ),
  }
}

/** Lets the time of the next alarm come, again and again, until it `isSo`. */
export async function turnUntil(
  clock: TurnedClock,
  running: Dispatcher,
  isSo: () => boolean | Promise<boolean>,
): Promise<void> {
  while (!(await isSo())) {
    await clock.next()
    await running.idle()
  }
}

export const bodyOf = ({ event }: Received) => (event.event === 'message' ? event.data.body : event.event)
export const owed = (store: Store) =>
  store.read(() =>
    rows<{ seq: number; state: string; attempts: number }>(
      `SELECT seq, state, attempts FROM deliveries WHERE state <> 'done' ORDER BY seq, webhook`,
    ),
  )
