import { Askings } from './askings.ts'
import { Ending } from './ending.ts'
import { isWamuxError } from './errors.ts'
import { type Hold, Holds, type HoldsOptions } from './holds.ts'
import { type Failure, isOfConnection, NO_NEW_CHAT, NOT_NOW, OTHER_DEVICES, refused, restricted } from './outcomes.ts'
import type { Pacer } from './pacer.ts'
import { Queue } from './queue.ts'
import { type Reachout, restrictedUntil } from './restriction.ts'
import type { Priority } from './shared.ts'
import * as rows from './stores/sql/outbox.ts'
import type { Restriction } from './stores/sql/restrictions.ts'
import type { Work } from './stores/store.ts'
import { type Hitch, LONGEST_MS, nextTry } from './tries.ts'
import { type } from './typing.ts'
import { readBody } from './whatsapp/read-message.ts'
import { OnWire, type Wire } from './wire.ts'

export interface DeparturesOptions extends HoldsOptions {
  pacer: Pacer
  /** Writes down that WhatsApp's server has a message. */
  sent(entry: rows.OutboxEntry, timestamp: number, onWireAt: number): Promise<void>
  /** Writes down that a message will not be sent, together with `alongside`. */
  failed(entry: rows.OutboxEntry, outcome: Failure, onWireAt?: number, alongside?: () => Work<void>): Promise<void>
  /** Something was committed that others may want to read. */
  committed(): void
}

/**
 * Takes what waits to the wire of one connection after the other, each message when it is its turn, and hears what
 * WhatsApp's server answers. What becomes of a message is written down by the outbox.
 */
export class Departures {
  readonly #options: DeparturesOptions
  readonly queue: Queue
  readonly onWire = new OnWire()
  readonly #holds: Holds
  readonly #askings: Askings
  /** Chats in which something waits for the end of such a hold. */
  readonly #heldUp = new Set<string>()
  /** Counts how often what holds messages up has changed. */
  #changes = 0
  /** What was acknowledged and is being written down. */
  readonly #settling = new Set<Promise<void>>()
  /** What was refused or failed, while it is written down what that means for it and for others. */
  readonly #refusing = new Set<Promise<void>>()
  #wire: Wire | undefined
  /** Comes when the wire is taken away: what waits for it must not wait on. */
  #ended = new Ending()

  constructor(options: DeparturesOptions) {
    this.#options = options
    this.#holds = new Holds(options)
    this.queue = new Queue((chat, priority) => {
      const wire = this.#wire
      options.pacer.run(() => this.#ticket(chat, priority, wire), priority)
    })
    this.#askings = new Askings({
      aside: (entry, ms) => this.queue.again(entry, ms),
      answered: ({ chat }) => this.queue.now(chat),
    })
  }

  /** The connection that is open. */
  get wire(): Wire | undefined {
    return this.#wire
  }

  begin(wire: Wire): void {
    this.#wire = wire
    this.#ended = new Ending()
  }

  /** What it had on the wire waits for the next. */
  end(): void {
    this.#wire = undefined
    this.#ended.come()
    this.#askings.clear()
    this.queue.clear()
    this.#heldUp.clear()
    this.onWire.clear()
  }

  /** Resolves when it is written down what became of all that was answered: read before, it would be sent again. */
  async answersSettled(): Promise<void> {
    await Promise.allSettled([...this.#settling, ...this.#refusing])
  }

  /** A message is settled: what was remembered for it is forgotten. */
  forget(id: string): void {
    this.onWire.forget(id)
    this.#askings.forget(id)
  }

  /** What was true when the last process ended. */
  know(restriction: Restriction | undefined): void {
    this.#holds.know(restriction)
  }

  /** WhatsApp's server answered for a message. */
  acked(id: string, error: string | undefined, timestamp: number): void {
    // It can be answered before we hear that it was written.
    const { entry, at = Date.now() } = this.onWire.get(id) ?? {}
    if (!entry) return // a second ack, or one for something that is not ours to settle
    this.onWire.off(id)
    // What is acknowledged is with the server even when that cannot be written.
    if (error !== undefined) {
      this.onWire.forget(id)
      this.#wire?.unsent(id)
    }
    if (error === undefined) {
      const settling = this.#options.sent(entry, timestamp, at)
      this.#settling.add(settling)
      this.#report(
        settling.finally(() => this.#settling.delete(settling)),
        'settling a message',
      )
    } else if (NOT_NOW.has(error) && this.#again(entry, 'refused', error)) return
    else if (error === OTHER_DEVICES && !entry.asksForDevices) {
      this.#refused(this.#otherDevices(entry, at))
      return
    } else if (error === NO_NEW_CHAT) {
      this.#refused(this.#newChat(entry, at))
      return
    } else this.#refused(this.#options.failed(entry, refused(error), at))
    this.queue.done(entry)
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
    await this.onWire.room(() => this.#wire !== wire)
    if (!wire || this.#wire !== wire) return false
    const entry = this.queue.take(chat, priority)
    if (!entry) return false
    if (this.queue.isCalledOff(entry.id)) {
      this.queue.done(entry)
      return false
    }
    const wait = Math.min((entry.retryAt ?? 0) - Date.now(), LONGEST_MS)
    if (wait > 0) {
      // An earlier connection tried it.
      this.queue.later({ ...entry, retryAt: null }, wait)
      return false
    }
    const mayHaveArrived = this.onWire.has(entry.id)
    let isGiven = false
    try {
      const asked = await this.#askings.about(entry, wire, this.#ended)
      // Without a connection, or a store, the row just stays: the next connection sends it.
      if (!asked || this.#wire !== wire) return false
      if ('failure' in asked) {
        await this.#options.failed(entry, asked.failure)
        this.queue.done(entry)
        return false
      }
      const isHeld = this.#holds.areThere && (await this.#isHeld(entry, wire))
      if (isHeld || this.#wire !== wire) return false
      if (entry.typing) await this.#ended.or(this.#type(entry, wire))
      if (this.#wire !== wire) return false
      if (this.queue.isCalledOff(entry.id)) {
        this.queue.done(entry)
        return false
      }
      this.onWire.put(entry)
      isGiven = true
      await this.#ended.or(asked.send())
      if (this.#wire === wire) this.onWire.written(entry.id, wire)
      return this.#wire === wire
    } catch (error) {
      if (this.#wire !== wire) return false
      if (isGiven && !this.onWire.get(entry.id)) return true // it was answered for by now, so it had left
      this.onWire.off(entry.id)
      if (!mayHaveArrived) this.onWire.forget(entry.id)
      wire.unsent(entry.id)
      if (isOfConnection(error)) return false
      const isFinal = isWamuxError(error, 'WHATSAPP_REJECTED')
      const hitch = isWamuxError(error, 'WHATSAPP_TIMEOUT') ? 'unanswered' : 'unwritten'
      if (!isFinal && this.#again(entry, hitch, error)) return false
      this.#options.logger.warn({ error, session: this.#options.session, id: entry.id }, 'a message could not be sent')
      const why = isFinal ? error.message : 'The message could not be encrypted.'
      const failure: Failure = { state: 'failed', code: 'WHATSAPP_REJECTED', error: why }
      this.#report(this.#options.failed(entry, failure), 'settling a message that could not be sent')
      this.queue.done(entry)
      return false
    }
  }

  /** Lets a message go again later, before everything else in its chat; false when it was tried often enough. */
  #again(entry: rows.OutboxEntry, hitch: Hitch, error: unknown): boolean {
    const next = nextTry(entry.tries, hitch)
    if (!next) return false
    const { session, store, logger } = this.#options
    const { tries, afterMs } = next
    const told = { session, id: entry.id, hitch, tries, afterMs, error }
    if (hitch === 'devices') logger.info(told, 'a message goes again, to the devices that there are now')
    else logger.warn(told, 'a message could not go, and is tried again')
    const retryAt = Date.now() + afterMs
    this.#refused(store.write(() => rows.setTried(session, entry.id, tries, retryAt)))
    this.queue.again({ ...entry, tries, retryAt: null }, afterMs)
    return true
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
      hold = await this.#holds.on(chat, account, this.onWire.chats)
    } while (this.#changes !== seen) // what was read may be over by now, and nobody would say so again
    if (!hold || this.#wire !== wire || this.queue.isCalledOff(entry.id)) return false
    const { until, deadline, enough } = hold
    const prolonged = (one: rows.OutboxEntry) => (one.deadline < enough ? { ...one, deadline } : one)
    this.queue.change(chat, prolonged)
    this.#heldUp.add(chat)
    this.queue.again(prolonged(entry), until - Date.now())
    return true
  }

  /** What holds messages up has changed. */
  #lookAgain(): void {
    this.#changes++
    const chats = [...this.#heldUp]
    this.#heldUp.clear()
    for (const chat of chats) this.queue.now(chat)
  }

  /** The message has failed, and is not tried again: that would make it worse. Others like it wait. */
  async #newChat(entry: rows.OutboxEntry, at: number): Promise<void> {
    const wire = this.#wire
    const reachout = await this.#holds.ask(wire, this.#ended)
    const now = Date.now()
    const failure = restricted(restrictedUntil(reachout, now))
    await this.#options.failed(entry, failure, at, () => this.#holds.note(reachout, now))
    if (this.#wire !== wire) return
    this.queue.done(entry)
    this.#lookAgain()
  }

  /** Lets a message go again at once, to the devices that there are now. */
  async #otherDevices(entry: rows.OutboxEntry, at: number): Promise<void> {
    const { session, store } = this.#options
    const wire = this.#wire
    await store.write(() => rows.setAsksForDevices(session, entry.id))
    if (this.#wire !== wire || this.#again({ ...entry, asksForDevices: true }, 'devices', OTHER_DEVICES)) return
    await this.#options.failed(entry, refused(OTHER_DEVICES), at)
    this.queue.done(entry)
  }

  #refused(settling: Promise<void>): void {
    this.#refusing.add(settling)
    this.#report(
      settling.finally(() => this.#refusing.delete(settling)),
      'settling a refused message',
    )
  }

  #report(work: Promise<void>, what: string): void {
    work.catch((error: unknown) => this.#options.logger.error({ error, session: this.#options.session }, what))
  }
}
