import { byUrgency, Lines } from './lines.ts'
import { Schedule } from './schedule.ts'
import type { Priority } from './shared.ts'
import type { OutboxEntry } from './stores/sql/outbox.ts'

/** Timers cannot wait for weeks, and nobody tells them when the clock is set: what waits is looked at again by then. */
const LOOK_AGAIN_MS = 60 * 60_000

/**
 * Where accepted messages of one connection wait: with their batch while it is paused, for their time, or in the line
 * of their chat. In memory only; the rows are the truth.
 */
export class Queue {
  readonly #lines: Lines<OutboxEntry>
  readonly #schedule = new Schedule<OutboxEntry>((entry) => this.stand(entry))
  /** Of chats whose next message is to be tried again, or looked at again. */
  readonly #timers = new Map<string, NodeJS.Timeout>()
  /** What waits of the batches that are paused; not in their lines, so that others of the chat may pass. */
  readonly #held = new Map<string, OutboxEntry[]>()
  /** What is being called off: it goes nowhere until that is written, or has failed. */
  readonly #calledOff = new Set<string>()
  /** What was called off while a ticket had it. */
  readonly #gone = new Set<string>()

  constructor(wantsTicket: (chat: string, priority: Priority) => void) {
    this.#lines = new Lines(wantsTicket)
  }

  /** A message goes where it has to wait. */
  stand(entry: OutboxEntry): void {
    if (this.#calledOff.has(entry.id)) return
    if (!this.#keep(entry) && !this.#schedule.add(entry)) this.#lines.add(entry)
  }

  standAll(entries: readonly OutboxEntry[]): void {
    for (const entry of byUrgency(entries)) this.stand(entry)
  }

  /** Takes a message out that waits for its time or its turn; false when it does not. */
  remove(entry: OutboxEntry): boolean {
    return this.#schedule.remove(entry) || this.#lines.remove(entry)
  }

  /** Takes a message out that waits for its turn; false when it does not. */
  removeFromLine(entry: OutboxEntry): boolean {
    return this.#lines.remove(entry)
  }

  /** What a ticket may send now, if anything. Its chat waits until it is {@link done}, or is tried again. */
  take(chat: string, priority: Priority): OutboxEntry | undefined {
    return this.#lines.take(chat, priority)
  }

  /** What was taken is settled, or will be: the next of its chat may go. */
  done(entry: OutboxEntry): void {
    this.#lines.done(entry)
  }

  /** Puts a message back that was taken, and its chat waits. */
  later(entry: OutboxEntry, ms: number): void {
    this.#lines.back(entry)
    const timer = setTimeout(() => this.now(entry.chat), Math.min(ms, LOOK_AGAIN_MS))
    this.#timers.set(entry.chat, timer)
  }

  /** The chat waits no longer. */
  now(chat: string): void {
    const timer = this.#timers.get(chat)
    if (timer === undefined) return
    clearTimeout(timer)
    this.#timers.delete(chat)
    this.#lines.retry(chat)
  }

  /** Lets a message that was taken go again later, before everything else in its chat, unless its batch is paused. */
  again(entry: OutboxEntry, ms: number): void {
    if (this.#keep(entry)) this.#lines.done(entry)
    else this.later(entry, ms)
  }

  /** Every message that waits in a chat becomes what `change` makes of it. */
  change(chat: string, change: (entry: OutboxEntry) => OutboxEntry): void {
    this.#lines.change(chat, change)
  }

  /** Takes a message out wherever it waits, and lets it in again only after {@link letIn}. False when it waits nowhere. */
  callOff(entry: OutboxEntry): boolean {
    this.#calledOff.add(entry.id)
    if (this.remove(entry)) return true
    const held = entry.batch === null ? undefined : this.#held.get(entry.batch)
    const at = held?.findIndex(({ id }) => id === entry.id) ?? -1
    if (at >= 0) held?.splice(at, 1)
    return at >= 0
  }

  /** Asked by whoever took a message, before it sends it. */
  isCalledOff(id: string): boolean {
    return this.#calledOff.has(id) || this.#gone.has(id)
  }

  letIn(id: string): void {
    this.#calledOff.delete(id)
  }

  /** It is called off for good, and a ticket may have it. */
  gone(id: string): void {
    this.#gone.add(id)
  }

  /** Of this batch nothing goes from now on: what waits of it stands aside, and what is to be tried again joins it. */
  hold(batch: string, waiting: readonly OutboxEntry[] = []): void {
    const held = this.#held.get(batch) ?? []
    this.#held.set(batch, held)
    held.push(...waiting.filter((entry) => this.remove(entry)))
  }

  /** The batch may go; what stood aside is the caller's to {@link stand} again. */
  free(batch: string): OutboxEntry[] {
    const held = this.#held.get(batch) ?? []
    this.#held.delete(batch)
    return held
  }

  clear(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    // What is paused or being called off stays so for what the next connection reads.
    for (const batch of this.#held.keys()) this.#held.set(batch, [])
    this.#gone.clear()
    this.#schedule.clear()
    this.#lines.clear()
  }

  /** Sets a message aside whose batch is paused; false when it is not. */
  #keep(entry: OutboxEntry): boolean {
    const held = entry.batch === null ? undefined : this.#held.get(entry.batch)
    held?.push(entry)
    return held !== undefined
  }
}
