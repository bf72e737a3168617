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
/** What WhatsApp does not answer may be its own trouble, which takes longer: about an hour, with the waits for answers. */
const UNANSWERED_TRIES = 8
const UNANSWERED_MS = 30_000
/** No message waits longer for its next try. */
export const LONGEST_MS = UNANSWERED_MS * 2 ** (UNANSWERED_TRIES - 2)

/** When a message that was tried `before` this time goes again; undefined when it was tried often enough. Pure. */
export function nextTry(before: number, hitch: Hitch): NextTry | undefined {
  const tries = before + 1
  if (tries >= (hitch === 'unanswered' ? UNANSWERED_TRIES : TRIES)) return undefined
  if (hitch === 'devices') return { tries, afterMs: 0 }
  return { tries, afterMs: hitch === 'unanswered' ? UNANSWERED_MS * 2 ** (tries - 1) : AGAIN_MS * tries }
}
