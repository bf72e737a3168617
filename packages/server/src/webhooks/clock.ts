import { steadyNow } from '@wamux/core/stores'

/** Time, as the server sees it: a test can turn it by hand, and set the clock on its wall. */
export interface Clock {
  /** The clock on the wall, in ms since the epoch: what is signed and shown. */
  now(): number
  /**
   * ms since the epoch by a clock that nobody can set while the process runs: for how long things wait. What has to be
   * delivered, and when, is kept in it.
   */
  steady(): number
  /** Calls `ring` at `at`, a time of {@link steady}, or soon when that is past. The answer takes it back. */
  wake(at: number, ring: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  steady: steadyNow,
  wake: (at, ring) => {
    const timer = setTimeout(ring, Math.max(0, at - steadyNow()))
    timer.unref() // what is due is in the store: it is no reason to stay
    return () => clearTimeout(timer)
  },
}

/** A time of {@link Clock.steady} as the clock on the wall shows it, or will. */
export const shownAt = (clock: Clock, at: number): number =>
  // By whole seconds: two clocks that were never set apart still tick a millisecond apart, and nothing is shown twice as two times.
  at + Math.round((clock.now() - clock.steady()) / 1000) * 1000
