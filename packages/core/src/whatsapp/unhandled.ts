import { type BinaryNode, decodeBinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys'
import * as stanzas from '../stores/sql/stanzas.ts'
import type { Work } from '../stores/store.ts'

/**
 * Stanzas that are acknowledged before what they mean has happened. `unhandled` ones are given to Baileys again after
 * the next login; `refused` ones are only kept, so that nothing that WhatsApp sent disappears without a trace.
 */
type Kind = 'unhandled' | 'refused'

const keyOf = (kind: Kind, { attrs }: BinaryNode): string =>
  [kind, attrs.from, attrs.participant, attrs.recipient, attrs.id].map((part) => part ?? '').join(' ')

export const keep = (session: string, kind: Kind, node: BinaryNode): Work<boolean> =>
  stanzas.keep(session, keyOf(kind, node), encodeBinaryNode(node), Date.now())

export const forget = (session: string, node: BinaryNode): Work<void> =>
  stanzas.forget(session, keyOf('unhandled', node))

export const all = (session: string): Work<Uint8Array[]> => stanzas.from(session, 'unhandled ')

export const decode = (bytes: Uint8Array): Promise<BinaryNode> => decodeBinaryNode(Buffer.from(bytes))
