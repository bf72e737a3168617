import type { WebhookEvent } from '@wamux/contract'
import { deliveries, journal, type WebhookRow, webhooks } from '@wamux/core/stores'
import { type ChatQueue, ChatQueues } from './chat-queues.ts'
import { Courier, type CourierOptions, STORE_RETRY_MS } from './courier.ts'

const PAGE = 200
const DAY_MS = 24 * 60 * 60_000
const KEEP_DEAD_MS = 30 * DAY_MS
const KEEP_DONE_MS = 7 * DAY_MS

export interface DispatcherOptions extends Omit<CourierOptions, 'random'> {
  random?: () => number
}

/**
 * Delivers events to webhooks, at least once, in order within a chat. Reads each session's journal from the place of
 * each of its webhooks; whoever rings only says that there may be something new. What is owed is in the store, so it
 * can stop anywhere.
 */
export class Dispatcher {
  readonly #options: CourierOptions
  readonly #courier: Courier
  readonly #queues: ChatQueues
  /** Sessions whose journal is being read; true when somebody rang meanwhile. */
  readonly #reading = new Map<string, boolean>()
  readonly #running = new Set<Promise<void>>()
  readonly #retries = new Set<() => void>()
  /** Sessions of which something may be owed that is in no queue: what said that it failed may have been kept. */
  readonly #uncertain = new Set<string>()
  #prunedAt = 0
  #stopped = false

  constructor(options: DispatcherOptions) {
    this.#options = { random: Math.random, ...options }
    this.#courier = new Courier(this.#options)
    this.#queues = new ChatQueues(options.clock, (...of) => this.#courier.step(...of))
  }

  /** Goes on where the last process stopped. */
  async start(): Promise<void> {
    const { store, logger } = this.#options
    // A disk that is full now takes it later; the server is needed all the more.
    await this.#prune().catch((error: unknown) => logger.error({ err: error }, 'pruning deliveries failed'))
    const all = await store.read(() => webhooks.all())
    for (const { session, id, failingSince } of all) if (failingSince !== null) this.#queues.distrust(session, id)
    for (const queue of await store.read(() => deliveries.queues())) this.#queues.add(queue)
    for (const session of new Set(all.map(({ session }) => session))) this.ring(session)
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

  /** The webhook has changed, or what waits for it: it is looked at anew. */
  async hurry(session: string, webhook: string): Promise<void> {
    // While it was disabled nothing of it was queued here.
    const owed = await this.#options.store.read(() => deliveries.queuesOf(session, webhook))
    for (const queue of owed) this.#queues.add(queue)
    this.#queues.hurry(session, webhook)
    this.ring(session)
  }

  /** One attempt to deliver `event` that is not recorded and has no consequences. */
  attempt(webhook: WebhookRow, event: WebhookEvent): ReturnType<Courier['attempt']> {
    return this.#courier.attempt(webhook, event)
  }

  /** Resolves when no attempt runs and no journal is read. */
  async idle(): Promise<void> {
    do {
      await Promise.all(this.#running)
      await this.#queues.idle()
    } while (this.#running.size > 0)
  }

  /** Begins nothing any more and waits for the attempts that have begun. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#courier.stop()
    for (const cancel of this.#retries) cancel()
    await this.#queues.stop()
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  #track(work: Promise<void>): void {
    this.#running.add(work)
    // #read reports its own failures and never rejects.
    void work.finally(() => this.#running.delete(work))
  }

  async #prune(): Promise<void> {
    const { store, clock } = this.#options
    const now = clock.steady()
    if (Math.abs(now - this.#prunedAt) < DAY_MS) return
    await store.write(() => deliveries.prune(now - KEEP_DEAD_MS, now - KEEP_DONE_MS))
    this.#prunedAt = now
  }

  async #read(session: string): Promise<void> {
    try {
      await this.#prune()
      if (this.#uncertain.has(session)) await this.#recall(session)
      let isMore = true
      while (isMore && !this.#stopped) {
        this.#reading.set(session, false)
        const isFull = await this.#take(session)
        isMore = isFull || this.#reading.get(session) === true
      }
    } catch (error) {
      this.#options.logger.error({ err: error, instance: session }, 'reading events for a webhook failed')
      this.#uncertain.add(session)
      this.#later(() => this.ring(session))
    } finally {
      this.#reading.delete(session)
    }
  }

  /** All that is owed of this session is in a queue again. */
  async #recall(session: string): Promise<void> {
    const owed = await this.#options.store.read(function* () {
      const queues: ChatQueue[] = []
      for (const { id } of yield* webhooks.ofSession(session)) queues.push(...(yield* deliveries.queuesOf(session, id)))
      return queues
    })
    this.#uncertain.delete(session)
    for (const queue of owed) this.#queues.add(queue)
  }

  /** One page of the journal for each webhook becomes deliveries, in the transaction that moves the webhook's place. */
  async #take(session: string): Promise<boolean> {
    const { store, clock } = this.#options
    const now = clock.steady()
    const isOwed = await store.read(function* () {
      const all = yield* webhooks.ofSession(session)
      const newest = all.length > 0 ? yield* journal.newest(session) : 0
      return all.some(({ enabled, cursor }) => enabled && newest > cursor)
    })
    if (!isOwed) return false
    const { queues, isFull } = await store.write(function* () {
      const queues: ChatQueue[] = []
      let isFull = false
      for (const { id, enabled, cursor, events } of yield* webhooks.ofSession(session)) {
        if (!enabled) continue
        const entries = yield* journal.after(session, cursor, PAGE)
        const last = entries.at(-1)
        if (!last) continue
        for (const entry of entries) {
          if (events && !events.includes(entry.event)) continue
          const queue = { session, webhook: id, chat: entry.chat ?? '' }
          yield* deliveries.add(queue, entry, now)
          queues.push(queue)
        }
        yield* webhooks.advance(session, id, last.seq)
        isFull ||= entries.length === PAGE
      }
      return { queues, isFull }
    })
    for (const queue of new Map(queues.map((queue) => [`${queue.webhook} ${queue.chat}`, queue])).values()) {
      this.#queues.add(queue)
    }
    return isFull
  }

  #later(ring: () => void): void {
    const { clock, storeRetryMs = STORE_RETRY_MS } = this.#options
    const cancel = clock.wake(clock.steady() + storeRetryMs, () => {
      this.#retries.delete(cancel)
      ring()
    })
    this.#retries.add(cancel)
  }
}
