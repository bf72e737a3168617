/**
 * Why a message could not go now. `refused`: WhatsApp's server said "not now". `devices`: it does not fit the recipients'
 * devices. `unwritten`: it could not be encrypted or written. `unanswered`: WhatsApp does not say what has to be known
 * of the recipient.
 */
export type Hitch = 'refused' | 'devices' | 'unwritten' | 'unanswered'

export interface NextTry {
  /** How often it was tried by now. */
  tries: number
  afterMs: number
}

/** How often a message is tried that was refused for the moment or could not be written. */
const TRIES = 5
const AGAIN_MS = 5_000
/** What WhatsApp does not answer is its own trouble, and is no try: the message goes when there is an answer, or expires. */
const UNANSWERED_MS = 60_000
/** No message waits longer for its next try. */
export const LONGEST_MS = UNANSWERED_MS

/** When a message that was tried `before` this time goes again; undefined when it was tried often enough. Pure. */
export function nextTry(before: number, hitch: Hitch): NextTry | undefined {
  if (hitch === 'unanswered') return { tries: before, afterMs: UNANSWERED_MS }
  const tries = before + 1
  if (tries >= TRIES) return undefined
  return { tries, afterMs: hitch === 'devices' ? 0 : AGAIN_MS * tries }
}
