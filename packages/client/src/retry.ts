import { isWamuxClientError, type WamuxClientError } from './errors.ts'

const RETRIES = 5
/** 0.5, 1, 2, 4 and 4 s: together more than the 8 s that the first try may still be waiting for WhatsApp. */
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 4_000
/** Whoever is to come back later than this is told so instead of being kept waiting. */
const LONGEST_RETRY_AFTER_MS = 10_000

/** Tries again what can be different the next time. The last failure is the one that is thrown. */
export async function retrying<T>(attempt: () => Promise<T>, retries = RETRIES): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt()
    } catch (error) {
      if (failures > retries || !isWamuxClientError(error)) throw error
      const ms = pauseAfter(error, failures)
      if (ms === undefined) throw error
      await new Promise((resolve) => setTimeout(resolve, ms))
    }
  }
}

/**
 * How long to wait before the next try, or undefined when nothing would be different: what wamux itself answered is
 * final unless its code says that it passes.
 */
export function pauseAfter(error: WamuxClientError, failures: number, random = Math.random): number | undefined {
  if (!isPassing(error)) return undefined
  const { retryAfterMs } = error
  if (retryAfterMs !== null && retryAfterMs > LONGEST_RETRY_AFTER_MS) return undefined
  const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1))
  return Math.max(retryAfterMs ?? 0, pause * (0.8 + random() * 0.2))
}

function isPassing({ code, status, retryAfterMs }: WamuxClientError): boolean {
  switch (code) {
    case 'UNREACHABLE':
    case 'IDEMPOTENCY_IN_PROGRESS':
    case 'STOPPING':
    case 'STORE_FAILED':
      return true
    case 'RATE_LIMITED':
    case 'OUTBOX_FULL':
      return retryAfterMs !== null
    case 'UNEXPECTED_ANSWER':
      // A proxy in front of a server that is away or has too much to do.
      return status === 502 || status === 503 || status === 504 || (status === 429 && retryAfterMs !== null)
    default:
      return false
  }
}
