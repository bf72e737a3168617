import { type ErrorBody, type ErrorCode, type ErrorDetails, errorCodes } from './contract.gen.ts'

/** What only a client can see: no answer at all, or one that is not wamux'. */
export interface ClientDetails {
  /** The server could not be reached, or did not answer in time. What was sent may have arrived. */
  UNREACHABLE: { url: string }
  /** Something answered that is not this version of wamux: a proxy, another service. */
  UNEXPECTED_ANSWER: { status: number; body: unknown }
}

export type ClientErrorDetails = ErrorDetails & ClientDetails
export type ClientErrorCode = ErrorCode | keyof ClientDetails

/** What is known of a failure besides its code. */
export interface ErrorFacts<C extends ClientErrorCode> {
  details: ClientErrorDetails[C]
  status?: number | null
  requestId?: string | null
  retryAfterMs?: number | null
}

/**
 * Every failure of the client. `code` and `details` are those of the SDK's `WamuxError`; narrow with
 * {@link isWamuxClientError}:
 *
 * ```ts
 * if (isWamuxClientError(error, 'WHATSAPP_DISCONNECTED')) console.log(error.details.state)
 * ```
 */
export class WamuxClientError<C extends ClientErrorCode = ClientErrorCode> extends Error {
  override readonly name = 'WamuxClientError'
  readonly code: C
  readonly details: ClientErrorDetails[C]
  /** The HTTP status, or null when there was no answer. */
  readonly status: number | null
  /** Names the request in the server's log. */
  readonly requestId: string | null
  /** After how many ms the server wants to be asked again, or null when it said nothing of the kind. */
  readonly retryAfterMs: number | null

  constructor(code: C, message: string, facts: ErrorFacts<C>, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.details = facts.details
    this.status = facts.status ?? null
    this.requestId = facts.requestId ?? null
    this.retryAfterMs = facts.retryAfterMs ?? null
  }
}

/** Whether `error` is a {@link WamuxClientError}, and, with `code`, that one. */
export function isWamuxClientError(error: unknown): error is WamuxClientError
export function isWamuxClientError<C extends ClientErrorCode>(error: unknown, code: C): error is WamuxClientError<C>
export function isWamuxClientError(error: unknown, code?: ClientErrorCode): boolean {
  return error instanceof WamuxClientError && (code === undefined || error.code === code)
}

/** The error that a server told, out of what came over the wire. */
export function toClientError(status: number, body: unknown, headers: Headers): WamuxClientError {
  const retryAfterMs = toMs(headers.get('retry-after'))
  if (!isErrorBody(body)) {
    const details = { status, body }
    const message = `The server answered ${status}, and not as wamux does.`
    return new WamuxClientError('UNEXPECTED_ANSWER', message, {
      details,
      status,
      requestId: headers.get('x-request-id'),
      retryAfterMs,
    })
  }
  // The server sends the details that belong to the code: both sides are made from the same types.
  const details = body.details as ErrorDetails[ErrorCode]
  return new WamuxClientError(body.code, body.error, { details, status, requestId: body.requestId, retryAfterMs })
}

/** Retry-After is seconds, or the time of day. */
function toMs(header: string | null): number | null {
  if (header === null) return null
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : null
}

function isErrorBody(body: unknown): body is ErrorBody {
  if (typeof body !== 'object' || body === null) return false
  const { success, code } = body as Partial<ErrorBody>
  return success === false && errorCodes.some((known) => known === code)
}
