export interface Backoff {
  /** The longest first wait; it doubles with every loss in a row. */
  firstMs: number
  longestMs: number
}

/** 1 s, 2 s, 4 s … up to 60 s. */
export const DEFAULT_BACKOFF: Backoff = { firstMs: 1_000, longestMs: 60_000 }

/**
 * How long to wait before attempt `attempt` (from 1), with full jitter: many sessions that were lost together must not
 * come back together.
 */
export function backoffMs(
  attempt: number,
  random: () => number = Math.random,
  { firstMs, longestMs }: Backoff = DEFAULT_BACKOFF,
): number {
  const ceiling = Math.min(longestMs, firstMs * 2 ** Math.min(attempt - 1, 16))
  return Math.round(random() * ceiling)
}

/** The last time that anybody dialled for a session. */
export interface Dial {
  /** Which one it was, of those in a row that were not seen to hold; 0 when none is known. */
  attempt: number
  /** ms since the epoch. */
  at: number
}

/**
 * How a new process goes on after the dials of the one before it: a program that crashes as soon as it is connected must
 * not dial at the pace of its restarts. Time since counts; a clock that was set back gives none. After twice the longest
 * wait the row is over: nobody who waits by these rules is silent for so long.
 */
export function goOn(
  { attempt, at }: Dial,
  now: number,
  random: () => number = Math.random,
  backoff: Backoff = DEFAULT_BACKOFF,
): { attempt: number; ms: number } {
  const since = Math.max(now - at, 0)
  if (attempt === 0 || since > 2 * backoff.longestMs) return { attempt: 0, ms: 0 }
  return { attempt, ms: Math.max(backoffMs(attempt, random, backoff) - since, 0) }
}
