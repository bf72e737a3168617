import type { BinaryNode } from '@whiskeysockets/baileys'
import { el } from '../stream/nodes.ts'
import { parseJid, type Space } from '../world/jids.ts'

/** What the ack says besides that there is one: an error when nobody gets the message, and what the sender has wrong. */
export interface Verdict {
  readonly error?: number
  readonly phash?: string
  readonly addressing_mode?: Space
}

/** The server has a message, or refuses it. Clients compare `from` with the name they wrote to, without a device. */
export function messageAck(node: BinaryNode, at: number, verdict: Verdict): BinaryNode {
  const { id, to, participant } = node.attrs
  const address = parseJid(to)
  const from = address && address.device > 0 ? to?.replace(`:${address.device}@`, '@') : to
  return el('ack', { class: 'message', id, from, t: at, participant, ...verdict })
}
