import { STATUS_CODES } from 'node:http'
import { statusOf } from '@wamux/contract'
import { isWamuxError, WamuxError } from '@wamux/core'
import { isOfStore } from '@wamux/core/stores'

/** The shape of every answer: the documented envelope, never cached, never guessed to be something else than JSON. */
export function success(data: unknown, status: number, nextCursor?: string | null): Response {
  return json(status, { success: true, data, ...(nextCursor !== undefined && { nextCursor }) })
}

export function failure(error: WamuxError, requestId: string): Response {
  const { code, message, details } = error
  const body = { success: false, error: spoken(error) ?? message, code, ...(details && { details }), requestId }
  return json(statusOf[code], body, headersOf(error))
}

/** Whatever was thrown, as something that may be shown. What nobody foresaw says nothing about itself. */
export function toWamuxError(error: unknown): WamuxError {
  if (isWamuxError(error)) return error
  if (isOfStore(error)) {
    return new WamuxError(
      'STORE_FAILED',
      'The database could not do this now; the log knows more under this requestId.',
      undefined,
      {
        cause: error,
      },
    )
  }
  return new WamuxError('INTERNAL', 'Something went wrong here; the log knows more under this requestId.', undefined, {
    cause: error,
  })
}

// The documentation shows this sentence, so it does not depend on where the error was made.
const spoken = (error: WamuxError) => (error.code === 'WHATSAPP_DISCONNECTED' ? 'WhatsApp not connected' : undefined)

function headersOf(error: WamuxError): Record<string, string> {
  if (error.code === 'UNAUTHENTICATED') return { 'www-authenticate': 'Bearer' }
  // The rest of the body was not read: on a kept connection it would be taken for the next request.
  if (error.code === 'PAYLOAD_TOO_LARGE') return { connection: 'close' }
  // A send waits for some seconds at most.
  if (error.code === 'IDEMPOTENCY_IN_PROGRESS') return { 'retry-after': '1' }
  if (isWamuxError(error, 'RATE_LIMITED') || isWamuxError(error, 'OUTBOX_FULL')) {
    return { 'retry-after': String(Math.max(1, Math.ceil(error.details.retryAfterMs / 1000))) }
  }
  return {}
}

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  const text = JSON.stringify(body)
  return new Response(text, {
    status,
    statusText: STATUS_CODES[status] ?? '',
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(text)),
      ...headers,
    },
  })
}
