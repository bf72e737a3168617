import { isWamuxError } from './errors.ts'
import type { FailureReason } from './shared.ts'

/** How a connection ended. `statusCode` is WhatsApp's, or undefined when there was none. */
export interface Closed {
  statusCode: number | undefined
  /** What the stream said, in words. */
  message: string
  /** The connection was still waiting for a phone to scan. */
  wasLinking: boolean
  /** Our store refused a read or a write; nothing may leave any more. */
  storeFailed: boolean
  /** A key that was needed is damaged. */
  isUnreadable?: boolean
  /** When a temporary ban ends, in ms since the epoch. */
  bannedUntil?: number
}

/** What it means for the session. */
export type Disconnect =
  | { kind: 'restart' }
  | { kind: 'lost'; cause: string }
  | { kind: 'logged_out'; cause: string }
  | { kind: 'failed'; reason: FailureReason; until: number | null }

const failed = (reason: FailureReason, until: number | null = null): Disconnect => ({ kind: 'failed', reason, until })

/** All of WhatsApp's ways to end a connection, in one place. */
export function readDisconnect(closed: Closed): Disconnect {
  if (closed.isUnreadable) return failed('CREDENTIALS_UNREADABLE')
  if (closed.storeFailed) return failed('STORE_FAILED')
  switch (closed.statusCode) {
    case 515:
      return { kind: 'restart' }
    case 401:
    case 403:
    case 406:
      return { kind: 'logged_out', cause: String(closed.statusCode) }
    case 440:
      return failed('REPLACED')
    case 402:
      return failed('BANNED', closed.bannedUntil ?? null)
    case 405:
    case 411:
      return failed('OUTDATED')
    case 408:
      // The same number says "all QRs ran out" and "nothing was heard for a while".
      if (closed.wasLinking) return failed('LINKING_EXPIRED')
      return { kind: 'lost', cause: closed.message }
    default:
      return { kind: 'lost', cause: closed.message }
  }
}

/** The same for a connection that was never there: mostly our own reasons. */
export function readNotOpened(error: unknown): Disconnect {
  if (isWamuxError(error, 'CREDENTIALS_UNREADABLE')) return failed('CREDENTIALS_UNREADABLE')
  if (isWamuxError(error, 'STORE_FAILED')) return failed('STORE_FAILED')
  return { kind: 'lost', cause: error instanceof Error ? error.message : String(error) }
}
