import type { SessionState } from './session.ts'

/** What can go wrong, and the facts that come with it. The same codes in the SDK, on the wire and in the client. */
export interface ErrorDetails {
  INVALID_INPUT: { issues: { path: string; message: string }[] }
  INVALID_CHAT_ID: { chatId: string }
  URL_NOT_ALLOWED: { url: string; setting: string }
  UNAUTHENTICATED: undefined
  FORBIDDEN: undefined
  WHATSAPP_RESTRICTED: { until: number | null }
  INSTANCE_NOT_FOUND: { id: string }
  NOT_FOUND: undefined
  INSTANCE_EXISTS: { id: string }
  PORT_IN_USE: { port: number }
  NOT_LINKING: { state: SessionState }
  IDEMPOTENCY_IN_PROGRESS: undefined
  /** How far the message is already. */
  TOO_LATE: { state: 'on_wire' | 'server' | 'failed' | 'expired' }
  LINKING_EXPIRED: undefined
  /** `oldest`: the first `seq` that is still kept. */
  EVENTS_PRUNED: { oldest: number }
  MEDIA_UNAVAILABLE: undefined
  PAYLOAD_TOO_LARGE: { limit: number }
  MEDIA_TOO_LARGE: { limit: number }
  NOT_ON_WHATSAPP: { phone: string }
  IDEMPOTENCY_MISMATCH: undefined
  RATE_LIMITED: { retryAfterMs: number }
  OUTBOX_FULL: { limit: number; retryAfterMs: number }
  INTERNAL: undefined
  /** `row`: what of the session's keys is missing or damaged, such as `creds/creds`. */
  CREDENTIALS_UNREADABLE: { id: string; row: string }
  WHATSAPP_REJECTED: { code: string; messageId: string | null }
  WHATSAPP_DISCONNECTED: { state: SessionState }
  STOPPING: undefined
  SETUP_REQUIRED: undefined
  STORE_FAILED: undefined
  WHATSAPP_TIMEOUT: undefined
}

export type ErrorCode = keyof ErrorDetails
