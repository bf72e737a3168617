import Bottleneck from 'bottleneck'
import type { Priority } from './shared.ts'

export interface Gap {
  minMs: number
  maxMs: number
}

export interface PacerOptions {
  gap: Gap
  /** Hears of a job that threw, which none should. */
  report?: (error: unknown) => void
  /** For tests; anything from 0 to 1. */
  random?: () => number
}

/** As Bottleneck counts: the lower goes first. */
const FIRST = 0
const PLACE: Record<Priority, number> = { high: 2, normal: 4, low: 6 }
/** Timers and the queue are some milliseconds late: so much earlier the longest pause ends, to be over in time. */
const LATE_MS = 25

/** Keeps one session's messages apart, the way a person would send them. Knows nothing about WhatsApp. */
export class Pacer {
  readonly #limiter = new Bottleneck({ maxConcurrent: 1 })
  readonly #halt = new AbortController()
  readonly #gap: Gap
  readonly #random: () => number
  readonly #report: (error: unknown) => void
  /** Which pauses were made lately, in ms above the shortest: chance alone repeats one of 1,500 after some forty. */
  readonly #made = new Set<number>()

  constructor(options: PacerOptions) {
    this.#gap = options.gap
    this.#random = options.random ?? Math.random
    this.#report = options.report ?? ((error) => console.error('wamux: a job of the pacer threw', error))
  }

  /**
   * Runs `job` after everything of the same priority given earlier. `job` says whether it sent something: only then
   * does the next one wait for a gap. Jobs must handle their own errors. After {@link stop} nothing is begun any more.
   */
  run(job: () => Promise<boolean>, priority: Priority): void {
    if (this.#halt.signal.aborted) return
    this.#schedule(PLACE[priority], async () => {
      if (this.#halt.signal.aborted) return
      // The pause belongs to the job that sent, not to the one that comes next: what comes next is only chosen after
      // it, so that an urgent message can still overtake. Bottleneck's own minTime chooses before.
      if (await job()) await this.#pause()
    })
  }

  /**
   * Something was sent `agoMs` ago, by a process before this one: the next message waits for what is left of a gap.
   * Less than nothing, which a clock says that was set back, is now.
   */
  rest(agoMs: number): void {
    const ends = performance.now() + this.#draw() - Math.max(agoMs, 0)
    if (ends <= performance.now() || this.#halt.signal.aborted) return
    this.#schedule(FIRST, () => this.#pause(ends - performance.now()))
  }

  /** Lets the job that has begun finish, drops the rest. */
  async stop(): Promise<void> {
    if (this.#halt.signal.aborted) return
    this.#halt.abort()
    await this.#limiter.stop({ dropWaitingJobs: true })
  }

  #schedule(priority: number, job: () => Promise<void>): void {
    this.#forgetTime()
    this.#limiter
      .schedule({ priority }, () => job().finally(() => this.#forgetTime()))
      .catch((error: unknown) => {
        if (!this.#halt.signal.aborted) this.#report(error)
      })
  }

  /**
   * Bottleneck counts by the clock on the wall, even where nothing is to be waited for: set back by an hour, it would
   * begin no job for an hour.
   */
  #forgetTime(): void {
    // Its types hide the store. The version is pinned, and tests set the clock back.
    const { _store } = this.#limiter as unknown as { _store: { _nextRequest: number } }
    _store._nextRequest = 0
  }

  #pause(ms = this.#draw()): Promise<void> {
    if (ms <= 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms)
      const signal = this.#halt.signal
      function done() {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      signal.addEventListener('abort', done)
    })
  }

  /** A pause unlike those before it: a person is not a metronome. */
  #draw(): number {
    const { minMs, maxMs } = this.#gap
    const longest = Math.max(0, Math.floor(maxMs - minMs - LATE_MS))
    if (this.#made.size * 2 > longest) this.#made.clear()
    let more = Math.round(this.#random() * longest)
    while (this.#made.has(more)) more = (more + 1) % (longest + 1)
    this.#made.add(more)
    return minMs + more
  }
}
