import { AsyncLocalStorage } from 'node:async_hooks'
import type { GroupMetadata } from '@whiskeysockets/baileys'
import { WamuxError } from '../errors.ts'

/** A message that Baileys has in hand. */
export interface Sending {
  readonly id: string
  /** What was asked about its group before: asked from inside of Baileys' transaction, it would hold up all others. */
  readonly group: GroupMetadata | undefined
  /** Nothing of it was encrypted in time, and nothing will be. */
  isGivenUp: boolean
  /** From here on it goes to the wire. */
  isEncrypting: boolean
}

/** Which message is being sent, for what Baileys does meanwhile. */
export const sending = new AsyncLocalStorage<Sending>()

/**
 * Called before anything of a message is encrypted: an answer that comes when nobody waits for it any more must not bring
 * the message to the wire, where the next try may be.
 */
export function beginEncrypting(): void {
  const message = sending.getStore()
  if (!message) return
  if (message.isGivenUp) throw new WamuxError('WHATSAPP_TIMEOUT', 'The message was given up before it was encrypted.')
  message.isEncrypting = true
}
