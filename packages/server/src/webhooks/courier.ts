import { toWire, type WebhookEvent } from '@wamux/contract'
import {
  type Attempt,
  type DeliveryRow,
  deliveries,
  journal,
  type Store,
  type WebhookRow,
  webhooks,
} from '@wamux/core/stores'
import type { Logger } from 'pino'
import type { ChatQueue, Stepped } from './chat-queues.ts'
import type { Clock } from './clock.ts'
import type { OutboundGuard, Outcome } from './guard.ts'
import { HOLD_MS, LONGEST_MS, nextDelay } from './schedule.ts'
import { sign } from './signature.ts'

/** How soon a store that failed is tried again when nobody says. */
export const STORE_RETRY_MS = 5_000
/** Longer than the schedule, so that no delivery is given up because of it. */
const FAILING_MS = 5 * 24 * 60 * 60_000
/** What a receiver says that is too busy for any event, not for this one. */
const BUSY: readonly (number | null)[] = [429, 502, 503, 504]

export interface CourierOptions {
  store: Store
  post: OutboundGuard['post']
  clock: Clock
  logger: Logger
  version: string
  random: () => number
  /** Default {@link STORE_RETRY_MS}. */
  storeRetryMs?: number
  /** Called after something was written to the journal of a session. */
  journalled: (session: string) => void
}

/** What is attempted in one step. */
interface Owed {
  delivery: DeliveryRow
  webhook: WebhookRow
  /** Undefined when it is no longer in the journal. */
  event: WebhookEvent | undefined
  /** Before its time: such an attempt is one more than the schedule has, and not counted when it fails. */
  isEarly: boolean
  /** The `seq` of an earlier event of the chat that is still owed, or null. */
  overtakes: number | null
}

/** Makes the attempts: one at what a chat has to deliver next, and writes down what follows from it. */
export class Courier {
  readonly #options: CourierOptions
  #stopped = false

  constructor(options: CourierOptions) {
    this.#options = options
  }

  /** Attempts that fail from now on were cut off, which says nothing about the receiver. */
  stop(): void {
    this.#stopped = true
  }

  /** One attempt to deliver `event` that is not recorded and has no consequences. */
  async attempt(webhook: WebhookRow, event: WebhookEvent, overtakes: number | null = null) {
    const { post, clock, version } = this.#options
    const body = JSON.stringify(event)
    const at = clock.now()
    const begun = clock.steady()
    const headers = {
      'user-agent': `wamux/${version}`,
      ...webhook.headers,
      ...(overtakes !== null && { 'wamux-overtakes': String(overtakes) }),
      ...sign(body, { ...webhook, id: event.id, at }),
    }
    const outcome = await post(webhook.url, body, headers)
    const error = outcome.ok ? null : outcome.error
    const attempt: Attempt = { at, durationMs: clock.steady() - begun, status: outcome.status, error }
    return { outcome, attempt }
  }

  /** One attempt at what a chat has to deliver next, if it is due or this is a probe. Never rejects. */
  async step(queue: ChatQueue, isProbe: boolean): Promise<Stepped> {
    const { store, clock, logger, storeRetryMs = STORE_RETRY_MS } = this.#options
    try {
      const owed = await store.read(() => this.#owed(queue, isProbe))
      if (!owed || 'next' in owed) return { next: owed?.next ?? null, went: 'idle' }
      const { webhook, event, overtakes } = owed
      const { outcome, attempt } = event ? await this.attempt(webhook, event, overtakes) : lost(clock.now())
      if (outcome.ok) return { next: await this.#delivered(queue, owed, attempt), went: 'worked' }
      // The next process makes it again.
      if (this.#stopped && event) return { next: null, went: 'idle' }
      const next = await this.#failed(queue, owed, outcome, attempt)
      if (!event) return { next, went: 'idle' }
      const { status, retryAfterMs } = outcome
      return { next, went: 'failed', ...(retryAfterMs && BUSY.includes(status) && { pauseMs: retryAfterMs }) }
    } catch (error) {
      logger.error({ err: error, instance: queue.session }, 'a webhook delivery could not be recorded')
      return { next: clock.steady() + storeRetryMs, went: 'idle' }
    }
  }

  *#owed(queue: ChatQueue, isProbe: boolean) {
    const { session } = queue
    const now = this.#options.clock.steady()
    const webhook = yield* webhooks.get(session, queue.webhook)
    if (!webhook?.enabled) return undefined
    const next = yield* deliveries.next(queue, { now, holdMs: HOLD_MS, longestMs: LONGEST_MS })
    if (!next) return undefined
    const { head, due, lookAt } = next
    const delivery = due ?? (isProbe ? head : undefined)
    if (!delivery) return { next: lookAt }
    const [entry] = yield* journal.after(session, delivery.seq - 1, 1)
    const event = entry?.seq === delivery.seq ? toWire({ ...entry, sessionId: session }) : undefined
    const isEarly = delivery.nextAt > now && delivery.nextAt <= now + LONGEST_MS
    const overtakes = head.seq < delivery.seq ? head.seq : null
    return { delivery, webhook, event, isEarly, overtakes } satisfies Owed
  }

  async #delivered(queue: ChatQueue, { delivery, webhook }: Owed, attempt: Attempt): Promise<number> {
    const { store, clock } = this.#options
    const at = clock.steady()
    await store.write(function* () {
      yield* deliveries.settle(delivery, { ...delivery, state: 'done', nextAt: at }, attempt)
      // It was refused before and is not now: so may be the others that were.
      if (delivery.failedAt !== null) yield* deliveries.retryEarly(queue)
      const current = yield* webhooks.get(queue.session, webhook.id)
      if (current?.failingSince != null && current.changedAt === webhook.changedAt) {
        yield* webhooks.setFailingSince(queue.session, webhook.id, null)
      }
    })
    return at
  }

  /** Answers when the chat has its next step. */
  async #failed(
    queue: ChatQueue,
    { delivery, webhook, event, isEarly }: Owed,
    outcome: Extract<Outcome, { ok: false }>,
    attempt: Attempt,
  ): Promise<number | null> {
    const { store, clock, logger, random, journalled } = this.#options
    const { session } = queue
    const at = clock.steady()
    const failedAt = delivery.failedAt ?? at
    const reason = event && whyDisable(webhook, outcome, at)
    const attempts = delivery.attempts + 1
    const delay = event && nextDelay(attempts, random(), outcome.retryAfterMs)
    const settled: Pick<DeliveryRow, 'state' | 'attempts' | 'nextAt' | 'failedAt'> = reason
      ? // What is owed stays owed: it is due when somebody enables the webhook again.
        { state: 'pending', attempts: delivery.attempts, nextAt: at, failedAt }
      : isEarly && event
        ? { ...delivery, failedAt }
        : delay === undefined
          ? { state: 'dead', attempts, nextAt: at, failedAt }
          : { state: 'pending', attempts, nextAt: at + delay, failedAt }
    const { isDisabled, next } = await store.write(function* () {
      const current = yield* webhooks.get(session, webhook.id)
      const isSame = current?.enabled === true && current.changedAt === webhook.changedAt
      // It may have been pointed elsewhere during the attempt: then there is nothing to wait for.
      const isFresh = !isSame && settled.state === 'pending'
      yield* deliveries.settle(delivery, isFresh ? { ...settled, nextAt: at } : settled, attempt)
      if (isSame && reason) {
        const { id, name } = webhook
        yield* webhooks.disable(session, id, reason)
        const timestamp = clock.now()
        yield* journal.append(session, 'webhook_disabled', null, timestamp, { webhookId: id, name, reason, timestamp })
        return { isDisabled: true, next: null }
      }
      if (isSame && event && current.failingSince === null) yield* webhooks.setFailingSince(session, webhook.id, at)
      const next = yield* deliveries.next(queue, { now: at, holdMs: HOLD_MS, longestMs: LONGEST_MS })
      return { isDisabled: false, next: next?.lookAt ?? null }
    })
    const { error } = outcome
    const facts = { instance: session, webhook: webhook.id, seq: delivery.seq, attempt: attempts, error }
    if (isDisabled) {
      logger.error({ ...facts, reason }, 'a webhook was disabled')
      journalled(session)
    } else if (settled.state === 'dead') logger.error(facts, 'a webhook delivery was given up')
    else logger.warn({ ...facts, delayMs: settled.nextAt - at }, 'a webhook delivery failed')
    return next
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
