const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** When an attempt follows the one before it: ten of them in 75 h 35 min, as Standard Webhooks suggests. */
export const DELAYS_MS: readonly number[] = [
  0,
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
]

export const LONGEST_MS = 24 * HOUR * 1.2

/** How long a delivery that fails holds up what follows it in its chat, from its first failure. */
export const HOLD_MS = 10 * MINUTE

/**
 * How long to wait after `attempts` have failed, ± 20 % so that a receiver that comes back is not met by everybody at
 * once; undefined when that was the last. A receiver may ask for more time, up to a day.
 */
export function nextDelay(attempts: number, random: number, retryAfterMs = 0): number | undefined {
  const delay = DELAYS_MS[attempts]
  if (delay === undefined) return undefined
  return Math.max(Math.round(delay * (0.8 + 0.4 * random)), Math.min(retryAfterMs, 24 * HOUR))
}
