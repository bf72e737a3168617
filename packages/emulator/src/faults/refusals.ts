import type { BinaryNode } from '@whiskeysockets/baileys'
import { messageAck } from '../stanzas/acks.ts'
import { el, SERVER } from '../stream/nodes.ts'
import { textFor } from './goodbyes.ts'

/** How the server says no to a stanza: to a query with an error, to anything else in its ack. `at` is in seconds. */
export function refusalOf(node: BinaryNode, code: number, text: string | undefined, at: number): BinaryNode {
  const { id, to, participant, type } = node.attrs
  if (node.tag === 'iq') {
    return el('iq', { from: to ?? SERVER, type: 'error', id }, [el('error', { code, text: text ?? textFor(code) })])
  }
  if (node.tag !== 'message') return el('ack', { class: node.tag, id, from: to, type, participant, error: code })
  return messageAck(node, at, { error: code })
}
