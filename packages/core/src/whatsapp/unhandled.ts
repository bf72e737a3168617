import { type BinaryNode, decodeBinaryNode, encodeBinaryNode, getBinaryNodeChild } from '@whiskeysockets/baileys'
import * as stanzas from '../stores/sql/stanzas.ts'
import type { Work } from '../stores/store.ts'

/**
 * Stanzas that are acknowledged before what they mean has happened. `unhandled` ones are given to Baileys again after
 * the next login; of `handled` ones it is known that they need not be; over `suspect` ones it broke once; `refused` ones
 * are only kept, so that nothing that WhatsApp sent disappears without a trace.
 */
type Kind = 'unhandled' | 'handled' | 'suspect' | 'refused'

/** What came of taking a stanza: `unhandled` when it was taken before and Baileys may have died over it. */
export type Taken = 'new' | 'unhandled' | 'handled'

function keyOf(kind: Kind, node: BinaryNode): string {
  const { from, participant, recipient, id, type, t } = node.attrs
  const parts = [kind, node.tag, from, participant, recipient, id]
  // A person asks for one message several times: these receipts differ in their count and time only.
  if (node.tag !== 'message') parts.push(type, t, getBinaryNodeChild(node, 'retry')?.attrs.count)
  return parts.map((part) => part ?? '').join(' ')
}

/** Keeps a stanza for Baileys, unless it is known. */
export function* take(session: string, node: BinaryNode): Work<Taken> {
  if (yield* stanzas.has(session, keyOf('handled', node))) return 'handled'
  return (yield* keep(session, 'unhandled', node)) ? 'new' : 'unhandled'
}

export const keep = (session: string, kind: 'unhandled' | 'refused', node: BinaryNode): Work<boolean> =>
  stanzas.keep(session, keyOf(kind, node), encodeBinaryNode(node), Date.now())

/** Baileys is done with it, and WhatsApp may deliver it again. */
export function* done(session: string, node: BinaryNode): Work<void> {
  yield* forget(session, node)
  yield* stanzas.keep(session, keyOf('handled', node), new Uint8Array(), Date.now())
}

/** Notes that Baileys broke while it had this one. True the second time: then it is only kept. */
export function* suspect(session: string, node: BinaryNode): Work<boolean> {
  if (yield* stanzas.keep(session, keyOf('suspect', node), new Uint8Array(), Date.now())) return false
  yield* keep(session, 'refused', node)
  yield* done(session, node)
  return true
}

export const forget = (session: string, node: BinaryNode): Work<void> =>
  stanzas.forget(session, keyOf('unhandled', node))

export const isKept = (session: string, node: BinaryNode): Work<boolean> =>
  stanzas.has(session, keyOf('unhandled', node))

export const all = (session: string): Work<Uint8Array[]> => stanzas.from(session, 'unhandled ')

export const decode = (bytes: Uint8Array): Promise<BinaryNode> => decodeBinaryNode(Buffer.from(bytes))
