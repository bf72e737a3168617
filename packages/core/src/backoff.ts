/** 1 s, 2 s, 4 s … up to 60 s. */
const FIRST_MS = 1_000
const LONGEST_MS = 60_000

/**
 * How long to wait before attempt `attempt` (from 1), with full jitter: many sessions that were lost together must not
 * come back together.
 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 16))
  return Math.round(random() * ceiling)
}
