import type { ErrorCode, ErrorDetails } from './shared.ts'

/** What follows the message of a {@link WamuxError}: the facts, where its code has some, and the cause. */
export type ErrorFacts<C extends ErrorCode> = undefined extends ErrorDetails[C]
  ? [details?: undefined, options?: ErrorOptions]
  : [details: ErrorDetails[C], options?: ErrorOptions]

/**
 * Every failure of wamux that a caller can act on. Narrow on `code`; it decides the type of `details`:
 *
 * ```ts
 * if (isWamuxError(error, 'WHATSAPP_DISCONNECTED')) console.log(error.details.state)
 * ```
 */
export class WamuxError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'WamuxError'
  readonly code: C
  readonly details: ErrorDetails[C]

  constructor(code: C, message: string, ...[details, options]: ErrorFacts<C>) {
    super(message, options)
    this.code = code
    // ErrorFacts<C> lets details be left out only where ErrorDetails[C] is undefined.
    this.details = details as ErrorDetails[C]
  }
}

/** Whether `error` is a {@link WamuxError}, and, with `code`, that one. */
export function isWamuxError(error: unknown): error is WamuxError
export function isWamuxError<C extends ErrorCode>(error: unknown, code: C): error is WamuxError<C>
export function isWamuxError(error: unknown, code?: ErrorCode): boolean {
  return error instanceof WamuxError && (code === undefined || error.code === code)
}

/** One bad field: `invalid('messages[3].phone', 'must be …')`. */
export function invalid(path: string, message: string): WamuxError<'INVALID_INPUT'> {
  return new WamuxError('INVALID_INPUT', `${path} ${message}`, { issues: [{ path, message }] })
}

/** What is damaged stays as it is, for whoever can mend it; nothing goes on without it. */
export function unreadable(
  session: string,
  row: string,
  what: string,
  cause?: unknown,
): WamuxError<'CREDENTIALS_UNREADABLE'> {
  return new WamuxError(
    'CREDENTIALS_UNREADABLE',
    `The key ${row} of session ${session} ${what}; it is left as it is. Restore a backup, or log the session out and link it again.`,
    { id: session, row },
    { cause },
  )
}
