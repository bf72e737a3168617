import type { Store } from '../state/database.ts'

/** Node fires timers that are due later than this at once. */
const LONGEST_REAL_MS = 2_147_483_647

/** The time of a network: what its stanzas say, and when its delays, time-outs and expiries are over. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Seconds since the epoch, as stanzas count time. */
  seconds(): number
  /** Runs `job` when this much time has passed, by itself or because the clock was advanced. Never keeps a process alive. */
  after(ms: number, job: () => void): Alarm
  /**
   * Moves the clock forwards. What becomes due on the way happens in its order, each at its own time, and what that
   * sets off too; resolves when all of it was started. Lasts in the file: a network does not go back in time.
   */
  advance(ms: number): Promise<void>
}

export interface Alarm {
  cancel(): void
}

export interface ClockOptions {
  /** What time it is when a network begins, in ms since the epoch; the machine's by default. A file goes on where it was. */
  startAt?: number
  /** The clock stands still and moves only by `advance`: two runs then write the same times. */
  isFrozen?: boolean
}

interface Pending {
  readonly dueAt: number
  readonly job: () => void
}

/**
 * The machine's clock, moved by an offset. Certificates and patience are not under it: those who check or wait live in
 * the machine's time.
 */
export class NetworkClock implements Clock {
  #offset: number
  #standsAt: number | undefined
  /** What is due next comes first. */
  readonly #pending: Pending[] = []
  #timer: NodeJS.Timeout | undefined
  readonly #failed: (error: unknown) => void
  readonly #store: Store

  /** `failed` gets what a job throws. */
  constructor(store: Store, options: ClockOptions, failed: (error: unknown) => void) {
    this.#store = store
    this.#failed = failed
    const machine = Date.now()
    const row = store.first<{ value: Buffer }>("SELECT value FROM meta WHERE name = 'clock'")
    const saved = row && (JSON.parse(String(row.value)) as { now: number; machine: number }) // written by #save only
    this.#offset = saved ? saved.now - saved.machine : (options.startAt ?? machine) - machine
    if (options.isFrozen) this.#standsAt = saved?.now ?? machine + this.#offset
    if (!saved && (options.startAt !== undefined || options.isFrozen)) this.#save()
  }

  now(): number {
    return this.#standsAt ?? Date.now() + this.#offset
  }

  seconds(): number {
    return Math.floor(this.now() / 1000)
  }

  after(ms: number, job: () => void): Alarm {
    const pending: Pending = { dueAt: this.now() + Math.max(0, ms), job }
    const place = this.#placeFor(pending.dueAt)
    this.#pending.splice(place, 0, pending)
    if (place === 0) this.#wind()
    return { cancel: () => this.#cancel(pending) }
  }

  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`A clock can be advanced by 0 ms or more, not by ${ms}.`)
    const until = this.now() + ms
    for (;;) {
      const [next] = this.#pending
      if (!next || next.dueAt > until) break
      this.#moveTo(next.dueAt)
      this.#runDue()
      // What a job sets off may want to be due on the way too.
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#moveTo(until)
    this.#wind()
    this.#save()
  }

  /** Nothing that is pending happens any more. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#pending.length = 0
  }

  #save(): void {
    const saved = JSON.stringify({ now: this.now(), machine: Date.now() })
    this.#store.run("INSERT OR REPLACE INTO meta (name, value) VALUES ('clock', ?)", Buffer.from(saved))
  }

  #moveTo(at: number): void {
    if (at <= this.now()) return // the machine's time has gone on meanwhile
    if (this.#standsAt === undefined) this.#offset = at - Date.now()
    else this.#standsAt = at
  }

  /** Behind everything that is due earlier or at the same time: what was asked for first happens first. */
  #placeFor(dueAt: number): number {
    let [low, high] = [0, this.#pending.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#pending[middle]?.dueAt ?? 0) <= dueAt) low = middle + 1
      else high = middle
    }
    return low
  }

  #cancel(pending: Pending): void {
    const place = this.#pending.lastIndexOf(pending, this.#placeFor(pending.dueAt))
    if (place >= 0) this.#pending.splice(place, 1)
  }

  /** One timer of the machine's, for what is due next. */
  #wind(): void {
    clearTimeout(this.#timer)
    const [next] = this.#pending
    if (!next || this.#standsAt !== undefined) return
    const ms = Math.min(Math.max(0, next.dueAt - this.now()), LONGEST_REAL_MS)
    this.#timer = setTimeout(() => {
      this.#runDue()
      this.#wind()
    }, ms).unref()
  }

  #runDue(): void {
    const now = this.now()
    for (;;) {
      const [next] = this.#pending
      if (!next || next.dueAt > now) return
      this.#pending.shift()
      try {
        next.job()
      } catch (error) {
        this.#failed(error)
      }
    }
  }
}
