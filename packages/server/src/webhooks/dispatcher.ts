import { toWire, type WebhookEvent } from '@wamux/contract'
import { type Attempt, deliveries, journal, type Store, type WebhookRow, webhooks } from '@wamux/core/stores'
import type { Logger } from 'pino'
import { type ChatQueue, ChatQueues } from './chat-queues.ts'
import type { Clock } from './clock.ts'
import type { OutboundGuard, Outcome } from './guard.ts'
import { LONGEST_MS, nextDelay } from './schedule.ts'
import { sign } from './signature.ts'

const PAGE = 200
const DAY_MS = 24 * 60 * 60_000
const KEEP_DEAD_MS = 30 * DAY_MS
const KEEP_DONE_MS = 7 * DAY_MS
const STORE_RETRY_MS = 5_000
/** Longer than the schedule, so that no delivery is given up because of it. */
const FAILING_MS = 5 * DAY_MS

export interface DispatcherOptions {
  store: Store
  post: OutboundGuard['post']
  clock: Clock
  logger: Logger
  version: string
  random?: () => number
}

/**
 * Delivers events to webhooks, at least once, in order within a chat. Reads each session's journal from the place of
 * each of its webhooks; whoever rings only says that there may be something new. What is owed is in the store, so it
 * can stop anywhere.
 */
export class Dispatcher {
  readonly #options: Required<DispatcherOptions>
  readonly #queues: ChatQueues
  /** Sessions whose journal is being read; true when somebody rang meanwhile. */
  readonly #reading = new Map<string, boolean>()
  readonly #running = new Set<Promise<void>>()
  readonly #retries = new Set<() => void>()
  #prunedAt = 0
  #stopped = false

  constructor(options: DispatcherOptions) {
    this.#options = { random: Math.random, ...options }
    this.#queues = new ChatQueues(options.clock, (queue, isProbe) => this.#deliverNext(queue, isProbe))
  }

  /** Goes on where the last process stopped. */
  async start(): Promise<void> {
    const { store } = this.#options
    await this.#prune()
    for (const queue of await store.read(() => deliveries.queues())) this.#queues.add(queue)
    const sessions = (await store.read(() => webhooks.all())).map(({ session }) => session)
    for (const session of new Set(sessions)) this.ring(session)
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

  /** What waits for this webhook is due now: it has changed. */
  async hurry(session: string, webhook: string): Promise<void> {
    // While it was disabled nothing of it was queued here.
    const all = await this.#options.store.read(() => deliveries.queues())
    for (const queue of all) if (queue.session === session && queue.webhook === webhook) this.#queues.add(queue)
    this.#queues.hurry(session, webhook)
    this.ring(session)
  }

  /** One attempt to deliver `event` that is not recorded and has no consequences. */
  async attempt(webhook: WebhookRow, event: WebhookEvent): Promise<{ outcome: Outcome; attempt: Attempt }> {
    const { post, clock, version } = this.#options
    const body = JSON.stringify(event)
    const at = clock.now()
    const signature = sign(body, { ...webhook, id: event.id, at })
    const headers = { 'user-agent': `wamux/${version}`, ...webhook.headers, ...signature }
    const outcome = await post(webhook.url, body, headers)
    const { status } = outcome
    const error = outcome.ok ? null : outcome.error
    return { outcome, attempt: { at, durationMs: Math.max(0, clock.now() - at), status, error } }
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

  async #prune(): Promise<void> {
    const { store, clock } = this.#options
    const now = clock.now()
    if (Math.abs(now - this.#prunedAt) < DAY_MS) return
    await store.write(() => deliveries.prune(now - KEEP_DEAD_MS, now - KEEP_DONE_MS))
    this.#prunedAt = now
  }

  async #read(session: string): Promise<void> {
    try {
      await this.#prune()
      let isMore = true
      while (isMore && !this.#stopped) {
        this.#reading.set(session, false)
        const isFull = await this.#take(session)
        isMore = isFull || this.#reading.get(session) === true
      }
    } catch (error) {
      this.#options.logger.error({ err: error, instance: session }, 'reading events for a webhook failed')
      this.#later(() => this.ring(session))
    } finally {
      this.#reading.delete(session)
    }
  }

  /** One page of the journal for each webhook becomes deliveries, in the transaction that moves the webhook's place. */
  async #take(session: string): Promise<boolean> {
    const { store, clock } = this.#options
    const now = clock.now()
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
        for (const { seq, chat, event } of entries) {
          if (events && !events.includes(event)) continue
          const queue = { session, webhook: id, chat: chat ?? '' }
          yield* deliveries.add(queue, seq, now)
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

  /** One attempt at the first delivery of a chat. Answers when the queue is to be looked at again, or null: it is empty. */
  async #deliverNext(queue: ChatQueue, isProbe: boolean): Promise<number | null> {
    const { store, clock, logger, random } = this.#options
    const { session } = queue
    try {
      const owed = await store.read(function* () {
        const delivery = yield* deliveries.head(queue)
        const webhook = yield* webhooks.get(session, queue.webhook)
        if (!delivery || !webhook?.enabled) return undefined
        const [entry] = yield* journal.after(session, delivery.seq - 1, 1)
        return { delivery, webhook, entry: entry?.seq === delivery.seq ? entry : undefined }
      })
      if (!owed) return null
      const { delivery, webhook, entry } = owed
      // A clock that was set back would otherwise make a delivery wait for the time that it was set back by.
      const wait = delivery.nextAt - clock.now()
      const isEarly = wait > 0 && wait <= LONGEST_MS
      if (isEarly && !isProbe) return delivery.nextAt

      const { outcome, attempt } = entry
        ? await this.attempt(webhook, toWire({ ...entry, sessionId: session }))
        : lost(clock.now())
      const at = clock.now()
      if (outcome.ok) {
        await store.write(function* () {
          yield* deliveries.settle(delivery, { ...delivery, state: 'done', nextAt: at }, attempt)
          if (webhook.failingSince !== null) yield* webhooks.setFailingSince(session, webhook.id, null)
        })
        this.#queues.worked(session, webhook.id)
        return at
      }
      // An attempt that was cut off says nothing about the receiver: the next process makes it again.
      if (this.#stopped && entry) return null
      const reason = entry && whyDisable(webhook, outcome, at)
      if (reason !== undefined) {
        logger.error({ instance: session, webhook: webhook.id, reason }, 'a webhook was disabled')
        await store.write(function* () {
          // What is owed stays owed: it is due when somebody enables the webhook again.
          yield* deliveries.settle(delivery, { ...delivery, nextAt: at, failedAt: delivery.failedAt ?? at }, attempt)
          const current = yield* webhooks.get(session, webhook.id)
          if (current?.changedAt === webhook.changedAt) yield* webhooks.disable(session, webhook.id, reason)
        })
        return at
      }
      // One more than the schedule has: it is not counted, or many of them would use the schedule up.
      if (isEarly && entry) return delivery.nextAt
      const attempts = delivery.attempts + 1
      const failedAt = delivery.failedAt ?? at
      const delay = entry && nextDelay(attempts, random(), outcome.retryAfterMs)
      const { error } = outcome
      const facts = { instance: session, webhook: webhook.id, seq: delivery.seq, attempt: attempts, error }
      if (delay === undefined) {
        logger.error(facts, 'a webhook delivery was given up')
        await store.write(() => deliveries.settle(delivery, { state: 'dead', attempts, nextAt: at, failedAt }, attempt))
        return at
      }
      logger.warn({ ...facts, delayMs: delay }, 'a webhook delivery failed')
      return await store.write(function* () {
        // The webhook may have been pointed elsewhere during the attempt: then there is nothing to wait for.
        const current = yield* webhooks.get(session, webhook.id)
        const nextAt = current?.changedAt === webhook.changedAt ? at + delay : at
        if (current?.failingSince === null) yield* webhooks.setFailingSince(session, webhook.id, at)
        yield* deliveries.settle(delivery, { state: 'pending', attempts, nextAt, failedAt }, attempt)
        return nextAt
      })
    } catch (error) {
      logger.error({ err: error, instance: session }, 'a webhook delivery could not be recorded')
      return clock.now() + STORE_RETRY_MS
    }
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

/** A receiver that says that it is gone, or that has taken nothing for days, is left alone until somebody looks. */
function whyDisable(
  { failingSince }: WebhookRow,
  { status }: Outcome,
  at: number,
): NonNullable<WebhookRow['disabledReason']> | undefined {
  if (status === 410) return 'gone'
  return failingSince !== null && at - failingSince >= FAILING_MS ? 'failing' : undefined
}

function lost(at: number): { outcome: Extract<Outcome, { ok: false }>; attempt: Attempt } {
  const error = 'the event is no longer in the journal'
  return { outcome: { ok: false, status: null, error }, attempt: { at, durationMs: 0, status: null, error } }
}
