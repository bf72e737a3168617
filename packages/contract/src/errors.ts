import type { ErrorCode } from '@wamux/core'

/** Which status a code has on the wire. A code of the SDK without one does not compile. */
export const statusOf: Readonly<Record<ErrorCode, number>> = {
  INVALID_INPUT: 400,
  INVALID_CHAT_ID: 400,
  URL_NOT_ALLOWED: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  WHATSAPP_RESTRICTED: 403,
  INSTANCE_NOT_FOUND: 404,
  NOT_FOUND: 404,
  INSTANCE_EXISTS: 409,
  PORT_IN_USE: 409,
  NOT_LINKING: 409,
  IDEMPOTENCY_IN_PROGRESS: 409,
  TOO_LATE: 409,
  LINKING_EXPIRED: 410,
  EVENTS_PRUNED: 410,
  MEDIA_UNAVAILABLE: 410,
  PAYLOAD_TOO_LARGE: 413,
  MEDIA_TOO_LARGE: 413,
  NOT_ON_WHATSAPP: 422,
  IDEMPOTENCY_MISMATCH: 422,
  RATE_LIMITED: 429,
  OUTBOX_FULL: 429,
  INTERNAL: 500,
  CREDENTIALS_UNREADABLE: 500,
  WHATSAPP_REJECTED: 502,
  WHATSAPP_DISCONNECTED: 503,
  STOPPING: 503,
  SETUP_REQUIRED: 503,
  STORE_FAILED: 503,
  WHATSAPP_TIMEOUT: 504,
}

// The keys of a Record<ErrorCode, …> written out above are exactly the codes.
export const errorCodes = Object.keys(statusOf) as ErrorCode[]
