/** Time, as the dispatcher sees it: a test can turn it by hand. */
export interface Clock {
  now(): number
  /** Calls `ring` at `at` (ms since the epoch), or soon when that is past. The answer takes it back. */
  wake(at: number, ring: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  wake: (at, ring) => {
    const timer = setTimeout(ring, Math.max(0, at - Date.now()))
    timer.unref() // what is due is in the store: it is no reason to stay
    return () => clearTimeout(timer)
  },
}
