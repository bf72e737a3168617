const TRIPS_AFTER = 5
const APART_MS = 10_000
const LONGEST_PAUSE_MS = 10 * 60_000

/**
 * How much is asked of a receiver that fails. After five failures in a row, or when it asks for time, it gets one
 * attempt at a time, and those with 10 s between them, until one works.
 */
export class Breaker {
  #failures: number
  #notBefore = 0

  /** @param isTripped what an earlier process learnt */
  constructor(isTripped = false) {
    this.#failures = isTripped ? TRIPS_AFTER : 0
  }

  get isTripped(): boolean {
    return this.#failures >= TRIPS_AFTER
  }

  /** When the next attempt may begin, in ms since the epoch. */
  notBefore(now: number): number {
    // A wait that is longer than any was made by a clock that was set back.
    return this.#notBefore > now + LONGEST_PAUSE_MS ? now : this.#notBefore
  }

  worked(): void {
    // #notBefore stays: what worked may have begun before the receiver asked for time.
    this.#failures = 0
  }

  /** @param pauseMs how long the receiver asks to be left alone; ten minutes are granted to it as a whole */
  failed(at: number, pauseMs = 0): void {
    this.#failures = pauseMs > 0 ? Math.max(this.#failures + 1, TRIPS_AFTER) : this.#failures + 1
    if (!this.isTripped) return
    this.#notBefore = Math.max(this.notBefore(at), at + Math.max(APART_MS, Math.min(pauseMs, LONGEST_PAUSE_MS)))
  }
}
