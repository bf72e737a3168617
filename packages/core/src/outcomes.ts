import { isWamuxError } from './errors.ts'
import type { MessageFailed } from './shared.ts'

/** How a message ended. */
export type Outcome = { state: 'sent' } | Failure
export interface Failure {
  state: 'failed'
  code: MessageFailed['code']
  error: string
  /** Until when messages like it are refused, if that is known. */
  until?: number | null
}

export const EXPIRED: Failure = { state: 'failed', code: 'EXPIRED', error: 'The message could not be sent in time.' }
/** What one account accepted must not be sent by another that the session was linked to later. */
export const OTHER_ACCOUNT: Failure = {
  state: 'failed',
  code: 'WHATSAPP_REJECTED',
  error: 'The session is linked to another account now.',
}

/** Acks with these codes say "not now". */
export const NOT_NOW: ReadonlySet<string> = new Set(['408', '429', '500', '503'])
/** This one says that the message does not fit the recipients' devices, which may have changed. */
export const OTHER_DEVICES = '479'
/** This one says that the account may not begin a chat with this person. */
export const NO_NEW_CHAT = '463'

/** WhatsApp's error codes in acks, as far as they are known. */
const KNOWN = new Map<string, MessageFailed['code']>([['404', 'NOT_ON_WHATSAPP']])

export function refused(error: string): Failure {
  return {
    state: 'failed',
    code: KNOWN.get(error) ?? 'WHATSAPP_REJECTED',
    error: `WhatsApp refused the message (${error}).`,
  }
}

/** A chat that could not be begun. `until` is null when the account as such may: then it is this person who is guarded. */
export function restricted(until: number | null): Failure {
  const error =
    until === null
      ? `WhatsApp refused the message (${NO_NEW_CHAT}): this person takes none from whom they have not written to.`
      : `WhatsApp lets this account begin no chats until ${new Date(until).toISOString()}.`
  return { state: 'failed', code: 'WHATSAPP_RESTRICTED', error, until }
}

/** Whether a message could only not be sent because of the connection, or the store: the next one sends it. */
export const isOfConnection = (error: unknown): boolean =>
  isWamuxError(error, 'WHATSAPP_DISCONNECTED') || isWamuxError(error, 'STOPPING') || isWamuxError(error, 'STORE_FAILED')
