import type { Priority } from './shared.ts'

/** What stands in a line: in the order of acceptance, alone under its id. */
export interface Waiting {
  readonly id: string
  readonly n: number
  readonly chat: string
  readonly priority: Priority
}

/** The most urgent first. */
const PRIORITIES: readonly Priority[] = ['high', 'normal', 'low']
const placeOf = ({ priority }: Waiting): number => PRIORITIES.indexOf(priority)

/** The order in which many are to be added, so that the first ticket is for the most urgent. */
export const byUrgency = <T extends Waiting>(entries: readonly T[]): T[] =>
  entries.toSorted((a, b) => placeOf(a) - placeOf(b))

interface Line<T> {
  readonly entries: T[]
  /** Its first message is on the wire, or is to be tried again: the next must not overtake it. */
  isHeld: boolean
  /** The ticket that will come for it. */
  ticket: Priority | undefined
}

/**
 * One line of waiting messages for each chat, of which only the first may go. Says when a line wants a ticket; the
 * ticket then {@link take takes} the first. A line is as urgent as the most urgent message in it: what stands before that
 * message goes first, and just as urgently.
 */
export class Lines<T extends Waiting> {
  readonly #lines = new Map<string, Line<T>>()
  /** Everything that waits or was taken and not {@link done}: nothing stands in a line twice. */
  readonly #known = new Set<string>()
  readonly #wantsTicket: (chat: string, priority: Priority) => void

  constructor(wantsTicket: (chat: string, priority: Priority) => void) {
    this.#wantsTicket = wantsTicket
  }

  add(entry: T): void {
    if (this.#known.has(entry.id)) return
    this.#known.add(entry.id)
    const line = this.#lineOf(entry.chat)
    // Almost always the last; one that was accepted while the line was being read may come before an older one.
    const before = line.entries.findLastIndex(({ n }) => n < entry.n)
    line.entries.splice(before + 1, 0, entry)
    this.#call(entry.chat, line)
  }

  /** What the ticket of `priority` may send now, if anything. The line is held until {@link done} or {@link back}. */
  take(chat: string, priority: Priority): T | undefined {
    const line = this.#lines.get(chat)
    // Another, more urgent ticket came before it.
    if (!line || line.ticket !== priority) return undefined
    line.ticket = undefined
    if (line.isHeld) return undefined
    const entry = line.entries.shift()
    if (entry) line.isHeld = true
    else this.#lines.delete(chat)
    return entry
  }

  /** What was taken is settled: the next may go. */
  done(entry: T): void {
    this.#known.delete(entry.id)
    this.#release(entry.chat)
  }

  /** What was taken is to be tried again later, before everything else of its chat. */
  back(entry: T): void {
    this.#lineOf(entry.chat).entries.unshift(entry)
  }

  /** The time to try again has come. */
  retry(chat: string): void {
    this.#release(chat)
  }

  /** Every message that waits in a line becomes what `change` makes of it. */
  change(chat: string, change: (entry: T) => T): void {
    const line = this.#lines.get(chat)
    line?.entries.splice(0, line.entries.length, ...line.entries.map(change))
  }

  /** Takes a message out that waits; false when it does not, or was taken. */
  remove(entry: T): boolean {
    const line = this.#lines.get(entry.chat)
    const index = line?.entries.findIndex(({ id }) => id === entry.id) ?? -1
    if (!line || index < 0) return false
    line.entries.splice(index, 1)
    this.#known.delete(entry.id)
    return true
  }

  clear(): void {
    this.#lines.clear()
    this.#known.clear()
  }

  #release(chat: string): void {
    const line = this.#lines.get(chat)
    if (!line) return
    line.isHeld = false
    if (line.entries.length > 0) this.#call(chat, line)
    else if (line.ticket === undefined) this.#lines.delete(chat)
  }

  #call(chat: string, line: Line<T>): void {
    if (line.isHeld) return
    const wanted = PRIORITIES.find((one) => line.entries.some(({ priority }) => priority === one))
    if (!wanted) return
    if (line.ticket && PRIORITIES.indexOf(line.ticket) <= PRIORITIES.indexOf(wanted)) return
    line.ticket = wanted
    this.#wantsTicket(chat, wanted)
  }

  #lineOf(chat: string): Line<T> {
    const known = this.#lines.get(chat)
    if (known) return known
    const line: Line<T> = { entries: [], isHeld: false, ticket: undefined }
    this.#lines.set(chat, line)
    return line
  }
}
