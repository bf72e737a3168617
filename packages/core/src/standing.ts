import { WamuxError } from './errors.ts'
import type { Life } from './lifecycle.ts'
import { RECONNECT_GRACE_MS } from './options.ts'
import type { Account, StateChanged } from './shared.ts'

/** How a session stands, as far as it decides what can be asked of it. All pure. */
export interface Standing {
  life: Life
  account: Account | null
  /** It is being logged out: nothing more is accepted for this account. */
  isLeaving: boolean
  /** Since when it is not connected, as far as this process knows. */
  lostAt: number | undefined
}

/** What users see of a life. */
export function shown(life: Life): Pick<StateChanged, 'state' | 'reason' | 'retryAt'> {
  return {
    state: life.name,
    reason: life.name === 'failed' ? life.reason : null,
    retryAt: life.name === 'waiting' || life.name === 'failed' ? life.until : null,
  }
}

/** @throws NOT_LINKING, LINKING_EXPIRED */
export function assertLinking({ life, account }: Standing): void {
  if (life.name === 'failed' && life.reason === 'LINKING_EXPIRED') {
    throw new WamuxError('LINKING_EXPIRED', 'Nobody scanned the QR in time. Start the session to get a new one.')
  }
  const isLinking = life.name === 'linking' || (life.name === 'connecting' && account === null)
  const waits = life.name === 'waiting' && account === null
  if (!isLinking && !waits) throw new WamuxError('NOT_LINKING', `The session is ${life.name}.`, { state: life.name })
}

/** @throws WHATSAPP_DISCONNECTED unless a message can go out soon */
export function assertCanSend({ life, account, isLeaving, lostAt }: Standing, now: number): void {
  if (life.name === 'ready' && !isLeaving) return
  const reconnects = (life.name === 'connecting' || life.name === 'waiting') && account !== null
  if (reconnects && lostAt !== undefined && now - lostAt <= RECONNECT_GRACE_MS) return
  throw disconnected(life)
}

export const disconnected = (life: Life): WamuxError =>
  new WamuxError('WHATSAPP_DISCONNECTED', 'WhatsApp not connected', { state: life.name })
