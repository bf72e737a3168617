/** Where a session is in its life. `failed` comes with a {@link FailureReason}, `waiting` with a time to retry. */
export type SessionState = 'stopped' | 'connecting' | 'linking' | 'ready' | 'waiting' | 'logged_out' | 'failed'

/** Why a session is `failed`. Nothing but a new `start()` (or, for `STORE_FAILED`, a store that works again) ends it. */
export type FailureReason =
  | 'REPLACED'
  | 'BANNED'
  | 'OUTDATED'
  | 'LINKING_EXPIRED'
  | 'STORE_FAILED'
  | 'CREDENTIALS_UNREADABLE'

/** The WhatsApp account that a session is linked to. */
export interface Account {
  /** Digits, international, no plus: `491234567890`. */
  phone: string
  /** The account's hidden id, `…@lid`, once WhatsApp has told it. */
  lid: string | null
  name: string
}

export interface SessionInfo {
  id: string
  name: string
  state: SessionState
  /** Set while `state` is `failed`. */
  reason: FailureReason | null
  /** When the next connection is tried while `state` is `waiting`, or a ban ends; ms since the epoch. */
  retryAt: number | null
  account: Account | null
  createdAt: number
}

/** The QR that a phone scans now; `qr` is null while WhatsApp has not sent one yet. */
export interface LinkingQr {
  qr: string | null
  /** ms since the epoch; null together with `qr`. */
  expiresAt: number | null
}

/** Eight letters to be typed on the phone, and until when. */
export interface PairingCode {
  code: string
  expiresAt: number
}
