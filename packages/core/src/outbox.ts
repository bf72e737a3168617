import { acceptAll, deadlineOf, type NewEntry } from './acceptance.ts'
import { isWamuxError, WamuxError } from './errors.ts'
import { type Hold, Holds } from './holds.ts'
import type { Inbox } from './inbox.ts'
import type { Limits } from './limits.ts'
import type { Logger } from './options.ts'
import {
  EXPIRED,
  type Failure,
  isOfConnection,
  NO_NEW_CHAT,
  NOT_NOW,
  OTHER_ACCOUNT,
  OTHER_DEVICES,
  type Outcome,
  refused,
  restricted,
} from './outcomes.ts'
import type { Pacer } from './pacer.ts'
import { Queue } from './queue.ts'
import { type Reachout, restrictedUntil } from './restriction.ts'
import { settleCancelled, settleFailed, settleSent } from './settlement.ts'
import type { Account, Priority } from './shared.ts'
import * as batches from './stores/sql/batches.ts'
import * as rows from './stores/sql/outbox.ts'
import { restrictionOf } from './stores/sql/restrictions.ts'
import type { Store, Work } from './stores/store.ts'
import { tellStalled } from './timeline.ts'
import { type } from './typing.ts'
import { readBody } from './whatsapp/read-message.ts'
import { OnWire, type Wire } from './wire.ts'

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
  readonly #queue: Queue
  readonly #onWire = new OnWire()
  readonly #holds: Holds
  /** Chats in which something waits for the end of such a hold. */
  readonly #heldUp = new Set<string>()
  /** Counts how often what holds messages up has changed. */
  #changes = 0
  /** What was acknowledged and is being written down. */
  readonly #settling = new Set<Promise<void>>()
  /** What was refused, while it is written down what that means for it and for others. */
  readonly #refusing = new Set<Promise<void>>()
  readonly #askers = new Map<string, ((outcome: Outcome) => void)[]>()
  #wire: Wire | undefined
  /** Settles when the wire is taken away: what waits for it must not wait on. */
  #ended = Promise.withResolvers<void>()
  /** Accepted while the older ones were being read; they come after those. */
  #late: rows.OutboxEntry[] | undefined
  #attaching: Promise<void> = Promise.resolve()
  /** How many messages are neither sent nor given up, once it was counted. */
  #unsettled: number | undefined

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#holds = new Holds(options)
    this.#queue = new Queue((chat, priority) => {
      const wire = this.#wire
      options.pacer.run(() => this.#ticket(chat, priority, wire), priority)
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
    else if (this.#wire) this.#queue.standAll(accepted)
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
    this.#wire = wire
    this.#ended = Promise.withResolvers()
    this.#late = []
    await Promise.allSettled(this.#refusing) // or it would be sent again
    const now = Date.now()
    const phone = this.#options.account()?.phone
    const { unsettled, paused, lastSentAt, restriction } = await store.read(() => waitingOf(session, phone))
    this.#holds.know(restriction)
    // The clock was set back.
    if (lastSentAt !== null && lastSentAt > now) await store.write(() => rows.notLaterThan(session, now))
    if (this.#wire !== wire) return
    if (lastSentAt !== null) this.#options.pacer.rest(now - lastSentAt)
    const all = [...unsettled, ...this.#late]
    this.#late = undefined
    for (const batch of paused) this.#queue.hold(batch)
    this.#queue.standAll(all.filter((entry) => entry.account === phone))
    for (const entry of all) if (entry.account !== phone) await this.#failed(entry, OTHER_ACCOUNT)
  }

  /** The connection is gone: what it had on the wire is unsettled, and waits for the next. */
  detach(): void {
    this.#wire = undefined
    this.#ended.resolve()
    this.#late = undefined
    this.#queue.clear()
    this.#heldUp.clear()
    this.#onWire.clear()
  }

  /** Gives up what waited past its deadline, for sessions too that have no connection. */
  async expire(): Promise<void> {
    const { session, store } = this.#options
    const now = Date.now()
    const { unsettled, paused } = await store.read(() => waitingOf(session))
    for (const entry of unsettled.filter(({ deadline }) => deadline <= now)) {
      if (entry.batch !== null && paused.has(entry.batch)) continue
      // What is on its way, or just being looked at, is not ours to give up: it will be settled.
      const waits = this.#wire ? this.#late === undefined && this.#queue.removeFromLine(entry) : true
      if (waits) await this.#failed(entry, EXPIRED)
    }
  }

  /** Tells of what waits for longer than `afterMs`, for sessions too that have no connection. */
  async tellStalled(afterMs: number): Promise<void> {
    const { session, store, committed } = this.#options
    const isOnWire = (id: string) => this.#onWire.get(id) !== undefined
    if (await store.write(() => tellStalled(session, afterMs, Date.now(), isOnWire))) committed()
  }

  /** Since when a message is on the wire, if it is. */
  onWireSince(id: string): number | undefined {
    return this.#onWire.get(id)?.at
  }

  /** A batch was paused: what waits of it stands aside. What is on its way is sent. */
  async hold(batch: string, waiting: readonly rows.OutboxEntry[]): Promise<void> {
    await this.#attached()
    if (!this.#wire) return // the next connection reads what is paused
    this.#queue.hold(batch, waiting)
  }

  /** A batch goes on: what stood aside goes back to its place, as far as others have not passed it. */
  async release(batch: string, now: number): Promise<void> {
    await this.#attached()
    for (const entry of this.#queue.free(batch))
      this.#queue.stand({ ...entry, deadline: deadlineOf(entry.sendAt, now) })
  }

  /** A batch was called off: what waits of it is not sent. What is on its way is. */
  async cancel(batch: string, waiting: readonly rows.OutboxEntry[]): Promise<void> {
    await this.#attached()
    const { session, store } = this.#options
    const freed = this.#queue.free(batch)
    const held = new Set(freed.map(({ id }) => id))
    // What was on the wire of a connection that was lost may have arrived.
    const unsent = waiting.filter(({ id }) => !this.#onWire.has(id))
    const mine = this.#wire ? unsent.filter((entry) => held.has(entry.id) || this.#queue.remove(entry)) : unsent
    // What a new wire finds while this is written, or what is to be tried again, waits for the outcome.
    this.#queue.hold(batch)
    const settled = await store.write(function* () {
      const done: string[] = []
      for (const { id } of mine) if (yield* settleCancelled(session, id)) done.push(id)
      return done
    })
    await this.#attached()
    const aside = [...freed.filter(({ id }) => this.#onWire.has(id)), ...this.#queue.free(batch)]
    const gone = new Set(mine.map(({ id }) => id))
    if (this.#wire) for (const entry of aside) if (!gone.has(entry.id)) this.#queue.stand(entry)
    for (const id of settled) this.#over(id)
  }

  /**
   * Calls off a message that waits. False when it was on the wire and may have arrived, or is settled: then it stays as
   * it is.
   */
  async callOff(entry: rows.OutboxEntry): Promise<boolean> {
    await this.#attached()
    if (this.#onWire.has(entry.id)) return false
    const { session, store } = this.#options
    // From here on nothing brings it to the wire: neither a ticket that has it, nor a connection that reads it.
    const waited = this.#queue.callOff(entry)
    let isWaiting = true
    try {
      const isFirst = await store.write(() => settleCancelled(session, entry.id))
      isWaiting = false
      if (isFirst) this.#over(entry.id)
      if (!waited) this.#queue.gone(entry.id)
      return isFirst
    } finally {
      await this.#attached()
      this.#queue.letIn(entry.id)
      if (isWaiting && this.#wire) this.#queue.stand(entry)
    }
  }

  /** WhatsApp's server answered for a message. */
  acked(id: string, error: string | undefined, timestamp: number): void {
    // It can be answered before we hear that it was written.
    const { entry, at = Date.now() } = this.#onWire.get(id) ?? {}
    if (!entry) return // a second ack, or one for something that is not ours to settle
    this.#onWire.off(id)
    if (error === undefined) {
      const settling = this.#sent(entry, timestamp, at)
      this.#settling.add(settling)
      this.#report(
        settling.finally(() => this.#settling.delete(settling)),
        'settling a message',
      )
    } else if (NOT_NOW.has(error) && this.#queue.tryAgain(entry)) return
    else if (error === OTHER_DEVICES && !entry.asksForDevices) {
      this.#refused(this.#otherDevices(entry, at))
      return
    } else if (error === NO_NEW_CHAT) {
      this.#refused(this.#newChat(entry, at))
      return
    } else this.#report(this.#failed(entry, refused(error), at), 'settling a refused message')
    this.#queue.done(entry)
  }

  /** WhatsApp tells whether the account may begin chats. */
  async reachout(reachout: Reachout): Promise<void> {
    const { store, committed } = this.#options
    await store.write(() => this.#holds.note(reachout, Date.now()))
    committed()
    this.#lookAgain()
  }

  /** Says whether something was sent, so that the next waits for a gap. */
  async #ticket(chat: string, priority: Priority, wire: Wire | undefined): Promise<boolean> {
    await this.#onWire.room(() => this.#wire !== wire)
    if (!wire || this.#wire !== wire) return false
    const entry = this.#queue.take(chat, priority)
    if (!entry) return false
    const ended = this.#ended.promise
    try {
      // Baileys can wait for a minute for answers that no longer come; the next connection's messages do not.
      const hopeless = await Promise.race([this.#hopeless(entry, wire), ended])
      // Without a connection, or a store, the row just stays: the next connection sends it.
      if (this.#wire !== wire) return false
      if (hopeless) {
        await this.#failed(entry, hopeless)
        this.#queue.done(entry)
        return false
      }
      const isHeld = this.#holds.areThere && (await this.#isHeld(entry, wire))
      if (isHeld || this.#wire !== wire) return false
      if (entry.typing) await Promise.race([this.#type(entry, wire), ended])
      if (this.#wire !== wire) return false
      if (this.#queue.isCalledOff(entry.id)) {
        this.#queue.done(entry)
        return false
      }
      this.#onWire.put(entry, wire)
      await Promise.race([wire.send(entry), ended])
      if (this.#wire === wire) this.#onWire.written(entry.id)
      return this.#wire === wire
    } catch (error) {
      if (this.#wire !== wire) return false
      this.#onWire.off(entry.id)
      if (isOfConnection(error)) return false
      const isFinal = isWamuxError(error, 'WHATSAPP_REJECTED')
      if (!isFinal && this.#queue.tryAgain(entry)) return false
      this.#options.logger.warn({ error, session: this.#options.session, id: entry.id }, 'a message could not be sent')
      const why = isFinal ? error.message : 'The message could not be encrypted.'
      const failure: Failure = { state: 'failed', code: 'WHATSAPP_REJECTED', error: why }
      this.#report(this.#failed(entry, failure), 'settling a message that could not be sent')
      this.#queue.done(entry)
      return false
    }
  }

  /** A message goes whether anybody could be shown typing or not. */
  async #type({ id, chat, body }: rows.OutboxEntry, wire: Wire): Promise<void> {
    const { logger, session } = this.#options
    await type(wire, chat, readBody(body).body).catch((error: unknown) => {
      logger.debug({ error, session, id }, 'typing could not be shown')
    })
  }

  /** Lets a message wait for what holds it up, if anything does. What waits in its chat has its whole time from then on. */
  async #isHeld(entry: rows.OutboxEntry, wire: Wire): Promise<boolean> {
    const { chat, account } = entry
    await Promise.allSettled(this.#settling) // what is not written yet would not be counted
    let hold: Hold | undefined
    let seen: number
    do {
      seen = this.#changes
      hold = await this.#holds.on(chat, account, this.#onWire.chats)
    } while (this.#changes !== seen) // what was read may be over by now, and nobody would say so again
    if (!hold || this.#wire !== wire || this.#queue.isCalledOff(entry.id)) return false
    const { until, deadline, enough } = hold
    const prolonged = (one: rows.OutboxEntry) => (one.deadline < enough ? { ...one, deadline } : one)
    this.#queue.change(chat, prolonged)
    this.#heldUp.add(chat)
    this.#queue.later(prolonged(entry), until - Date.now())
    return true
  }

  /** What holds messages up has changed. */
  #lookAgain(): void {
    this.#changes++
    const chats = [...this.#heldUp]
    this.#heldUp.clear()
    for (const chat of chats) this.#queue.now(chat)
  }

  /** The message has failed, and is not tried again: that would make it worse. Others like it wait. */
  async #newChat(entry: rows.OutboxEntry, at: number): Promise<void> {
    const wire = this.#wire
    const reachout = await this.#holds.ask(wire, this.#ended.promise)
    const now = Date.now()
    const failure = restricted(restrictedUntil(reachout, now))
    await this.#failed(entry, failure, at, () => this.#holds.note(reachout, now))
    if (this.#wire !== wire) return
    this.#queue.done(entry)
    this.#lookAgain()
  }

  #refused(settling: Promise<void>): void {
    this.#refusing.add(settling)
    this.#report(
      settling.finally(() => this.#refusing.delete(settling)),
      'settling a refused message',
    )
  }

  /** Why a message cannot be sent at all, if so. */
  async #hopeless(entry: rows.OutboxEntry, wire: Wire): Promise<Failure | undefined> {
    const isOver = () => entry.deadline <= Date.now()
    if (isOver()) return EXPIRED
    // Asking may take a while.
    if (await wire.exists(entry.chat)) return isOver() ? EXPIRED : undefined
    return { state: 'failed', code: 'NOT_ON_WHATSAPP', error: `${entry.phone} has no WhatsApp account.` }
  }

  /** Resolves when no wire is being attached: what it reads meanwhile may be older than what was just written. */
  async #attached(): Promise<void> {
    for (let seen: Promise<void> | undefined; seen !== this.#attaching; ) {
      seen = this.#attaching
      await seen
    }
  }

  /** Lets a message go again at once, to the devices that there are now. */
  async #otherDevices(entry: rows.OutboxEntry, at: number): Promise<void> {
    const { session, store } = this.#options
    const wire = this.#wire
    await store.write(() => rows.setAsksForDevices(session, entry.id))
    if (this.#wire !== wire || this.#queue.tryAgain({ ...entry, asksForDevices: true }, 0)) return
    await this.#failed(entry, refused(OTHER_DEVICES), at)
    this.#queue.done(entry)
  }

  #sent(entry: rows.OutboxEntry, timestamp: number, onWireAt: number): Promise<void> {
    return this.#settle(entry, { state: 'sent' }, () => settleSent(this.#options, entry, timestamp, onWireAt))
  }

  #failed(entry: rows.OutboxEntry, outcome: Failure, onWireAt?: number, alongside?: () => Work<void>): Promise<void> {
    const options = this.#options
    return this.#settle(entry, outcome, function* () {
      if (!(yield* settleFailed(options, entry, outcome, onWireAt ?? null))) return false
      if (alongside) yield* alongside()
      return true
    })
  }

  /** `work` says whether it settled the message, or somebody had done that before. */
  async #settle(entry: rows.OutboxEntry, outcome: Outcome, work: () => Work<boolean>): Promise<void> {
    const { store, committed } = this.#options
    let isFirst = false
    const noted = function* (): Work<void> {
      isFirst = yield* work()
    }
    await (this.#wire ? this.#wire.settle(entry.id, noted) : store.write(noted)).catch((error: unknown) => {
      this.#unsettled = undefined // counted again: it may be settled all the same
      throw error
    })
    if (!isFirst) return
    for (const answer of this.#askers.get(entry.id) ?? []) answer(outcome)
    this.#over(entry.id)
    committed()
  }

  /** A message is settled: what was remembered for it is forgotten. */
  #over(id: string): void {
    this.#queue.forget(id)
    this.#onWire.forget(id)
    this.#askers.delete(id)
    if (this.#unsettled) this.#unsettled--
  }

  #report(work: Promise<void>, what: string): void {
    work.catch((error: unknown) => this.#options.logger.error({ error, session: this.#options.session }, what))
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
