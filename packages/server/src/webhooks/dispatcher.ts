import { toWire } from '@wamux/contract'
import { deliveries, journal, type Store, webhooks } from '@wamux/core/stores'
import type { Logger } from 'pino'
import { type ChatQueue, ChatQueues } from './chat-queues.ts'
import type { Clock } from './clock.ts'
import type { OutboundGuard, Outcome } from './guard.ts'
import { LONGEST_MS, nextDelay } from './schedule.ts'
import { sign } from './signature.ts'

const PAGE = 200
const KEEP_DEAD_MS = 30 * 24 * 60 * 60_000
const STORE_RETRY_MS = 5_000

export interface DispatcherOptions {
  store: Store
  post: OutboundGuard['post']
  clock: Clock
  logger: Logger
  version: string
  random?: () => number
}

/**
 * Delivers events to webhooks, at least once, in order within a chat. Reads each session's journal from its webhook's
 * place; whoever rings only says that there may be something new. What is owed is in the store, so it can stop anywhere.
 */
export class Dispatcher {
  readonly #options: Required<DispatcherOptions>
  readonly #queues: ChatQueues
  /** Sessions whose journal is being read; true when somebody rang meanwhile. */
  readonly #reading = new Map<string, boolean>()
  readonly #running = new Set<Promise<void>>()
  readonly #retries = new Set<() => void>()
  #stopped = false

  constructor(options: DispatcherOptions) {
    this.#options = { random: Math.random, ...options }
    this.#queues = new ChatQueues(options.clock, (queue, isProbe) => this.#deliverNext(queue, isProbe))
  }

  /** Goes on where the last process stopped. */
  async start(): Promise<void> {
    const { store, clock } = this.#options
    await store.write(() => deliveries.prune(clock.now() - KEEP_DEAD_MS))
    for (const { session, chat } of await store.read(() => deliveries.queues())) this.#queues.add(session, chat)
    for (const { session } of await store.read(() => webhooks.all())) this.ring(session)
  }

  /** There may be new events of this session. */
  ring(session: string): void {
    if (this.#stopped) return
    if (this.#reading.has(session)) {
      this.#reading.set(session, true)
      return
    }
    this.#reading.set(session, false)
    this.#track(this.#read(session))
  }

  /** What waits for this session is due now: its webhook has changed. */
  hurry(session: string): void {
    this.#queues.hurry(session)
    this.ring(session)
  }

  /** Begins nothing any more and waits for the attempts that have begun. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const cancel of this.#retries) cancel()
    await this.#queues.stop()
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  #track(work: Promise<void>): void {
    this.#running.add(work)
    // #read reports its own failures and never rejects.
    void work.finally(() => this.#running.delete(work))
  }

  async #read(session: string): Promise<void> {
    try {
      let isMore = true
      while (isMore && !this.#stopped) {
        this.#reading.set(session, false)
        const count = await this.#take(session)
        isMore = count === PAGE || this.#reading.get(session) === true
      }
    } catch (error) {
      this.#options.logger.error({ err: error, instance: session }, 'reading events for a webhook failed')
      this.#later(() => this.ring(session))
    } finally {
      this.#reading.delete(session)
    }
  }

  /** One page of the journal becomes deliveries, in the transaction that moves the webhook's place. */
  async #take(session: string): Promise<number> {
    const { store, clock } = this.#options
    const now = clock.now()
    const isOwed = await store.read(function* () {
      const webhook = yield* webhooks.get(session)
      return webhook !== undefined && (yield* journal.newest(session)) > webhook.cursor
    })
    if (!isOwed) return 0
    const taken = await store.write(function* () {
      const webhook = yield* webhooks.get(session)
      if (!webhook) return []
      const entries = yield* journal.after(session, webhook.cursor, PAGE)
      for (const { seq, chat } of entries) yield* deliveries.add(session, seq, chat ?? '', now)
      const last = entries.at(-1)
      if (last) yield* webhooks.advance(session, last.seq)
      return entries
    })
    for (const chat of new Set(taken.map((entry) => entry.chat ?? ''))) this.#queues.add(session, chat)
    return taken.length
  }

  /** One attempt at the first delivery of a chat. Answers when the queue is to be looked at again, or null: it is empty. */
  async #deliverNext(queue: ChatQueue, isProbe: boolean): Promise<number | null> {
    const { store, clock, logger, random } = this.#options
    const { session } = queue
    try {
      const owed = await store.read(function* () {
        const delivery = yield* deliveries.head(queue)
        const webhook = yield* webhooks.get(session)
        if (!delivery || !webhook) return undefined
        const [entry] = yield* journal.after(session, delivery.seq - 1, 1)
        return { delivery, webhook, entry: entry?.seq === delivery.seq ? entry : undefined }
      })
      if (!owed) return null
      const { delivery, webhook, entry } = owed
      // A clock that was set back would otherwise make a delivery wait for the time that it was set back by.
      const wait = delivery.nextAt - clock.now()
      const isEarly = wait > 0 && wait <= LONGEST_MS
      if (isEarly && !isProbe) return delivery.nextAt

      const outcome: Outcome = entry
        ? await this.#attempt(webhook, toWire({ ...entry, sessionId: session }))
        : { ok: false, error: 'the event is no longer in the journal' }
      const at = clock.now()
      if (outcome.ok) {
        await store.write(() => deliveries.done(session, delivery.seq))
        this.#queues.worked(session)
        return at
      }
      // An attempt that was cut off says nothing about the receiver: the next process makes it again.
      if (this.#stopped && entry) return null
      // One more than the schedule has: it is not counted, or many of them would use the schedule up.
      if (isEarly && entry) return delivery.nextAt
      const delay = entry && nextDelay(delivery.attempts + 1, random(), outcome.retryAfterMs)
      const { error } = outcome
      const facts = { instance: session, seq: delivery.seq, attempt: delivery.attempts + 1, error }
      if (delay === undefined) {
        logger.error(facts, 'a webhook delivery was given up')
        await store.write(() => deliveries.bury(session, delivery.seq, at, error))
        return at
      }
      logger.warn({ ...facts, delayMs: delay }, 'a webhook delivery failed')
      return await store.write(function* () {
        // The webhook may have been pointed elsewhere during the attempt: then there is nothing to wait for.
        const current = yield* webhooks.get(session)
        const isSame = current?.url === webhook.url && current.createdAt === webhook.createdAt
        const nextAt = isSame ? at + delay : at
        yield* deliveries.retry(session, delivery.seq, nextAt, error)
        return nextAt
      })
    } catch (error) {
      logger.error({ err: error, instance: session }, 'a webhook delivery could not be recorded')
      return clock.now() + STORE_RETRY_MS
    }
  }

  #attempt(webhook: { url: string; secret: string | null }, event: ReturnType<typeof toWire>): Promise<Outcome> {
    const { post, clock, version } = this.#options
    const body = JSON.stringify(event)
    const signature = sign(body, { id: event.id, at: clock.now(), secret: webhook.secret })
    return post(webhook.url, body, { 'user-agent': `wamux/${version}`, ...signature })
  }

  #later(ring: () => void): void {
    const { clock } = this.#options
    const cancel = clock.wake(clock.now() + STORE_RETRY_MS, () => {
      this.#retries.delete(cancel)
      ring()
    })
    this.#retries.add(cancel)
  }
}
