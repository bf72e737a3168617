import { type BinaryNode, decodeMessageNode, getBinaryNodeChildren } from '@whiskeysockets/baileys'
import type { Incoming, Person, Receipt } from '../inbox.ts'
import { fromJid } from './jid.ts'

/** Reads WhatsApp's stanzas into wamux's words. Pure: nobody is looked up, nothing is kept. */

export interface Me {
  id: string
  lid: string | undefined
}

/** What `edit` says of a message that an admin takes back; WhatsApp's server passes it on from admins only. */
const ADMIN_DELETES = '8'

/** @throws what Baileys throws on a stanza that is none of a message */
export function readIncoming(node: BinaryNode, me: Me): { incoming: Incoming; author: string } {
  const { fullMessage, author } = decodeMessageNode(node, me.id, me.lid ?? '')
  const { key } = fullMessage
  const isFromMe = key.fromMe === true
  const { attrs } = node
  // On copies of own messages the sender's other address would be mistaken for the chat's.
  const alt = isFromMe
    ? (attrs.peer_recipient_lid ?? attrs.peer_recipient_pn ?? attrs.recipient_lid ?? attrs.recipient_pn)
    : key.remoteJidAlt
  const chat = toParty(key.remoteJid, alt)
  if (chat === undefined) throw new Error('The stanza names no chat.')
  const participant = key.participant ? toParty(key.participant, key.participantAlt) : undefined
  return {
    author,
    incoming: {
      id: key.id ?? '',
      chat,
      author: typeof chat === 'string' && typeof participant === 'object' ? participant : null,
      isFromMe,
      timestamp: secondsToMs(attrs.t),
      pushname: isFromMe ? undefined : (attrs.notify ?? undefined),
      isBusiness: attrs.verified_name !== undefined || undefined,
      ...(attrs.edit === ADMIN_DELETES && { isByAdmin: true }),
    },
  }
}

/** What a receipt says about messages, or undefined when it says nothing that users hear of. */
export function readReceipt(node: BinaryNode, me: Me): Receipt | { readElsewhere: Person | string } | undefined {
  const { attrs } = node
  const from = fromJid(attrs.participant ?? attrs.from)
  const own = [fromJid(me.id), fromJid(me.lid)]
  const isFromMe = own.some(
    (address) =>
      from !== undefined &&
      ((address?.phone !== undefined && address.phone === from.phone) ||
        (address?.lid !== undefined && address.lid === from.lid)),
  )
  const chat = toParty(isFromMe && attrs.recipient ? attrs.recipient : attrs.from, undefined)
  if (chat === undefined) return undefined
  if (isFromMe) {
    // Of a group the stanza comes from the group; of a person it names whose messages were read.
    const read = attrs.type === 'read' || attrs.type === 'read-self'
    return read && (attrs.recipient || attrs.participant) ? { readElsewhere: chat } : undefined
  }
  const step = STEPS.get(attrs.type ?? '')
  if (!step) return undefined
  const items = getBinaryNodeChildren(getBinaryNodeChildren(node, 'list')[0], 'item')
  const ids = [attrs.id, ...items.map((item) => item.attrs.id)].filter((id): id is string => typeof id === 'string')
  const by = typeof chat === 'string' ? toParty(attrs.participant, undefined) : undefined
  return { ids, chat, by: typeof by === 'object' ? by : null, step, timestamp: secondsToMs(attrs.t) }
}

// A map: the type is a stranger's word, and every object has a `constructor`.
const STEPS = new Map<string, Receipt['step']>([
  ['', 'delivered'],
  ['inactive', 'delivered'],
  ['read', 'read'],
  ['played', 'played'],
])

/** The name that a group has now, if a notification says one. */
export function readGroupName(node: BinaryNode): { group: string; name: string } | undefined {
  const group = toParty(node.attrs.from, undefined)
  if (node.attrs.type !== 'w:gp2' || typeof group !== 'string') return undefined
  const [created] = getBinaryNodeChildren(getBinaryNodeChildren(node, 'create')[0], 'group')
  const [renamed] = getBinaryNodeChildren(node, 'subject')
  const name = renamed?.attrs.subject ?? created?.attrs.subject
  return name === undefined ? undefined : { group, name }
}

/** A person by both names, or the id of something that is no person. */
export function toParty(jid: string | null | undefined, alt: string | null | undefined): Person | string | undefined {
  const address = fromJid(jid)
  if (!address) return undefined
  if (address.chatId !== undefined) return address.chatId
  const other = fromJid(alt)
  return { phone: address.phone ?? other?.phone, lid: address.lid ?? other?.lid }
}

/** WhatsApp counts seconds. A stanza without a time, or with one that no clock shows, is taken to be of now. */
export function secondsToMs(seconds: string | number | undefined): number {
  const ms = Number(seconds) * 1000
  return ms > 0 && ms <= Number.MAX_SAFE_INTEGER ? ms : Date.now()
}
