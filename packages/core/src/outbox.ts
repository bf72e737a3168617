import { acceptAll, deadlineOf, type NewEntry } from './acceptance.ts'
import { steadyNow } from './clock.ts'
import { Departures } from './departures.ts'
import { WamuxError } from './errors.ts'
import type { Inbox } from './inbox.ts'
import type { Limits } from './limits.ts'
import type { Logger } from './options.ts'
import { EXPIRED, type Failure, OTHER_ACCOUNT, type Outcome } from './outcomes.ts'
import type { Pacer } from './pacer.ts'
import type { Reachout } from './restriction.ts'
import { settleCancelled, settleFailed, settleSent } from './settlement.ts'
import type { Account } from './shared.ts'
import * as batches from './stores/sql/batches.ts'
import * as rows from './stores/sql/outbox.ts'
import { restrictionOf } from './stores/sql/restrictions.ts'
import type { Store, Work } from './stores/store.ts'
import { tellStalled } from './timeline.ts'
import type { Wire } from './wire.ts'

/** More than a day's worth of one account at its pace: whoever queues more is told, not kept waiting for days. */
const FULL = 20_000
const FULL_RETRY_MS = 60_000

export interface OutboxOptions {
  session: string
  store: Store
  pacer: Pacer
  inbox: Inbox
  account: () => Account | null
  logger: Logger
  /** How much may be sent before messages have to wait. Default: no limit. */
  limits?: Limits
  /** How many messages may wait. Default 20,000. */
  limit?: number
  /** Something was committed that others may want to read. */
  committed(): void
}

/**
 * Accepted messages of one session: written first, then sent, settled by WhatsApp's own ack, sent again under the same
 * id until then. Within a chat the order of acceptance holds: the next goes when the one before is settled.
 */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #departures: Departures
  readonly #askers = new Map<string, ((outcome: Outcome) => void)[]>()
  /** Accepted while the older ones were being read; they come after those. */
  #late: rows.OutboxEntry[] | undefined
  #attaching: Promise<void> = Promise.resolve()
  /** How many messages are neither sent nor given up, once it was counted. */
  #unsettled: number | undefined

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#departures = new Departures({
      ...options,
      sent: (entry, timestamp, onWireAt) => this.#sent(entry, timestamp, onWireAt),
      failed: (entry, outcome, onWireAt, alongside) => this.#failed(entry, outcome, onWireAt, alongside),
    })
  }

  /**
   * Writes the messages, all or none and together with `alongside`, and lets them wait for their turn.
   * @throws OUTBOX_FULL
   */
  async accept(entries: readonly NewEntry[], alongside?: () => Work<void>): Promise<void> {
    const now = Date.now()
    const { session, store, limit = FULL } = this.#options
    const account = this.#options.account()?.phone ?? ''
    const counted = this.#unsettled ?? (await store.read(() => rows.waiting(session))).count
    this.#unsettled ??= counted
    if (this.#unsettled + entries.length > limit) {
      const message = `${this.#unsettled} messages wait already; at most ${limit} may.`
      throw new WamuxError('OUTBOX_FULL', message, { limit, retryAfterMs: FULL_RETRY_MS })
    }
    this.#unsettled += entries.length
    const accepted = await store
      .write(function* () {
        if (alongside) yield* alongside()
        return yield* acceptAll(session, account, entries, now)
      })
      .catch((error: unknown) => {
        this.#unsettled = undefined // counted again
        throw error
      })
    if (this.#late) this.#late.push(...accepted)
    else if (this.#departures.wire) this.#departures.queue.standAll(accepted)
  }

  /** Resolves when the message is settled. */
  outcome(id: string): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#askers.set(id, [...(this.#askers.get(id) ?? []), resolve])
    })
  }

  /** Nobody waits for this one any more: it was not accepted. */
  forget(id: string): void {
    this.#askers.delete(id)
  }

  /** A connection is open: everything unsettled goes out again, in order, under the same ids. */
  attach(wire: Wire): Promise<void> {
    const attached = this.#attach(wire)
    this.#attaching = attached.catch(() => {}) // whoever attaches hears of it
    return attached
  }

  async #attach(wire: Wire): Promise<void> {
    const { session, store } = this.#options
    this.#departures.begin(wire)
    this.#late = []
    await this.#departures.answersSettled()
    const now = steadyNow()
    const phone = this.#options.account()?.phone
    const { unsettled, paused, lastSentAt, restriction } = await store.read(() => waitingOf(session, phone))
    this.#departures.know(restriction)
    // The clock was set back.
    if (lastSentAt !== null && lastSentAt > now) await store.write(() => rows.notLaterThan(session, now))
    if (this.#departures.wire !== wire) return
    if (lastSentAt !== null) this.#options.pacer.rest(now - lastSentAt)
    const all = [...unsettled, ...this.#late]
    this.#late = undefined
    for (const batch of paused) this.#departures.queue.hold(batch)
    this.#departures.queue.standAll(all.filter((entry) => entry.account === phone))
    for (const entry of all) if (entry.account !== phone) await this.#failed(entry, OTHER_ACCOUNT)
  }

  /** The connection is gone: what it had on the wire is unsettled, and waits for the next. */
  detach(): void {
    this.#late = undefined
    this.#departures.end()
  }

  /** Gives up what waited past its deadline, for sessions too that have no connection. */
  async expire(): Promise<void> {
    const { session, store } = this.#options
    const now = Date.now()
    const { unsettled, paused } = await store.read(() => waitingOf(session))
    for (const entry of unsettled.filter(({ deadline }) => deadline <= now)) {
      if (entry.batch !== null && paused.has(entry.batch)) continue
      // What is on its way, or just being looked at, is not ours to give up: it will be settled.
      const waits = this.#departures.wire
        ? this.#late === undefined && this.#departures.queue.removeFromLine(entry)
        : true
      if (waits) await this.#failed(entry, EXPIRED)
    }
  }

  /** Tells of what waits for longer than `afterMs`, for sessions too that have no connection. */
  async tellStalled(afterMs: number): Promise<void> {
    const { session, store, committed } = this.#options
    const isOnWire = (id: string) => this.#departures.onWire.get(id) !== undefined
    if (await store.write(() => tellStalled(session, afterMs, Date.now(), isOnWire))) committed()
  }

  /** Since when a message is on the wire, if it is. */
  onWireSince(id: string): number | undefined {
    return this.#departures.onWire.get(id)?.at
  }

  /** A batch was paused: what waits of it stands aside. What is on its way is sent. */
  async hold(batch: string, waiting: readonly rows.OutboxEntry[]): Promise<void> {
    await this.#attached()
    if (!this.#departures.wire) return // the next connection reads what is paused
    this.#departures.queue.hold(batch, waiting)
  }

  /** A batch goes on: what stood aside goes back to its place, as far as others have not passed it. */
  async release(batch: string, now: number): Promise<void> {
    await this.#attached()
    for (const entry of this.#departures.queue.free(batch))
      this.#departures.queue.stand({ ...entry, deadline: deadlineOf(entry.sendAt, now) })
  }

  /** A batch was called off: what waits of it is not sent. What is on its way is. */
  async cancel(batch: string, waiting: readonly rows.OutboxEntry[]): Promise<void> {
    await this.#attached()
    const { queue, onWire, wire } = this.#departures
    for (const entry of queue.free(batch)) if (wire) queue.stand(entry)
    // What was on the wire of a connection that was lost may have arrived.
    await this.#callOff(waiting.filter(({ id }) => !onWire.has(id)))
  }

  /**
   * Calls off a message that waits. False when it was on the wire and may have arrived, or is settled: then it stays as
   * it is.
   */
  async callOff(entry: rows.OutboxEntry): Promise<boolean> {
    await this.#attached()
    if (this.#departures.onWire.has(entry.id)) {
      await this.#departures.answersSettled() // whoever asks next is told as much as is known
      return false
    }
    return (await this.#callOff([entry])).length > 0
  }

  /** Calls off what was on no wire. Gives the ids of what was not settled before. */
  async #callOff(entries: readonly rows.OutboxEntry[]): Promise<string[]> {
    const { session, store } = this.#options
    const { queue } = this.#departures
    // From here on nothing brings it to the wire: neither a ticket that has it, nor a connection that reads it.
    const taken = entries.filter((entry) => !queue.callOff(entry))
    let areWaiting = true
    try {
      const done = await store.write(function* () {
        const ids: string[] = []
        for (const { id } of entries) if (yield* settleCancelled(session, id)) ids.push(id)
        return ids
      })
      areWaiting = false
      for (const id of done) this.#over(id)
      for (const { id } of taken) queue.gone(id)
      return done
    } finally {
      await this.#attached()
      for (const entry of entries) {
        queue.letIn(entry.id)
        if (areWaiting && this.#departures.wire) queue.stand(entry)
      }
    }
  }

  /** WhatsApp's server answered for a message. */
  acked(id: string, error: string | undefined, timestamp: number): void {
    this.#departures.acked(id, error, timestamp)
  }

  /** WhatsApp tells whether the account may begin chats. */
  async reachout(reachout: Reachout): Promise<void> {
    await this.#departures.reachout(reachout)
  }

  /** Resolves when no wire is being attached: what it reads meanwhile may be older than what was just written. */
  async #attached(): Promise<void> {
    for (let seen: Promise<void> | undefined; seen !== this.#attaching; ) {
      seen = this.#attaching
      await seen
    }
  }

  #sent(entry: rows.OutboxEntry, timestamp: number, onWireAt: number): Promise<void> {
    return this.#settle(entry, { state: 'sent' }, () => settleSent(this.#options, entry, timestamp, onWireAt))
  }

  #failed(entry: rows.OutboxEntry, outcome: Failure, onWireAt?: number, alongside?: () => Work<void>): Promise<void> {
    const options = this.#options
    return this.#settle(entry, outcome, function* () {
      const isFirst = yield* settleFailed(options, entry, outcome, onWireAt ?? null)
      if (alongside) yield* alongside() // true also of a message that was called off meanwhile
      return isFirst
    })
  }

  /** `work` says whether it settled the message, or somebody had done that before. */
  async #settle(entry: rows.OutboxEntry, outcome: Outcome, work: () => Work<boolean>): Promise<void> {
    const { store, committed } = this.#options
    let isFirst = false
    const noted = function* (): Work<void> {
      isFirst = yield* work()
    }
    await (this.#departures.wire ? this.#departures.wire.settle(entry.id, noted) : store.write(noted)).catch(
      (error: unknown) => {
        this.#unsettled = undefined // counted again: it may be settled all the same
        throw error
      },
    )
    if (!isFirst) return
    for (const answer of this.#askers.get(entry.id) ?? []) answer(outcome)
    this.#over(entry.id)
    committed()
  }

  /** A message is settled: what was remembered for it is forgotten. */
  #over(id: string): void {
    this.#departures.forget(id)
    this.#askers.delete(id)
    if (this.#unsettled) this.#unsettled--
  }
}

function* waitingOf(session: string, account?: string) {
  return {
    unsettled: yield* rows.unsettled(session),
    paused: yield* batches.paused(session),
    lastSentAt: yield* rows.lastSentAt(session),
    restriction: account === undefined ? undefined : yield* restrictionOf(session, account),
  }
}
