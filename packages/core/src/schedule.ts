/** What may have to wait for a time that somebody named. */
export interface Scheduled {
  readonly id: string
  readonly n: number
  /** ms since the epoch; null: at once. */
  readonly sendAt: number | null
}

/** Timers cannot wait for more than 24 days, and nobody tells them when the clock is set. */
const LOOK_AGAIN_MS = 60_000

/**
 * Messages of one session whose time has not come, and says when it has. By the clock on the wall: whoever names a
 * time means that one.
 */
export class Schedule<T extends Scheduled> {
  readonly #entries = new Map<string, T>()
  readonly #due: (entry: T) => void
  #next = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor(due: (entry: T) => void) {
    this.#due = due
  }

  /** Keeps a message until its time; false when that has come already. */
  add(entry: T): boolean {
    if (entry.sendAt === null || entry.sendAt <= Date.now()) return false
    this.#entries.set(entry.id, entry)
    if (entry.sendAt < this.#next) this.#wake(entry.sendAt)
    return true
  }

  /** Takes a message out; false when it is not there. */
  remove({ id }: Pick<T, 'id'>): boolean {
    return this.#entries.delete(id)
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#next = Number.POSITIVE_INFINITY
    this.#entries.clear()
  }

  #wake(at: number): void {
    this.#next = at
    clearTimeout(this.#timer)
    if (at === Number.POSITIVE_INFINITY) return
    this.#timer = setTimeout(() => this.#look(), Math.min(Math.max(at - Date.now(), 0), LOOK_AGAIN_MS))
  }

  #look(): void {
    const now = Date.now()
    const timeOf = ({ sendAt }: T) => sendAt ?? 0
    const due = [...this.#entries.values()].filter((entry) => timeOf(entry) <= now)
    for (const { id } of due) this.#entries.delete(id)
    this.#wake(Math.min(...[...this.#entries.values()].map(timeOf)))
    for (const entry of due.toSorted((a, b) => timeOf(a) - timeOf(b) || a.n - b.n)) this.#due(entry)
  }
}
