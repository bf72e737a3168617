import { jidDecode } from '@whiskeysockets/baileys'
import { chatKind, lidChat, phoneChat, userOf } from '../chat-id.ts'

/** WhatsApp's spelling of ids, with its devices, lives in this folder only; everything else speaks public chat ids. */

export function toJid(chatId: string): string {
  return chatKind(chatId) === 'person' ? `${userOf(chatId)}@s.whatsapp.net` : chatId
}

export interface Address {
  /** Digits, when the id is a phone number. */
  phone?: string
  /** Digits, when it is a hidden id. */
  lid?: string
  /** Set for everything that is not a person. */
  chatId?: string
  device: number
}

/** Reads a jid; undefined when it is none, or a server's own. */
export function fromJid(jid: string | undefined | null): Address | undefined {
  if (!jid) return undefined
  const decoded = jidDecode(jid)
  if (!decoded?.user) return undefined
  const device = decoded.device ?? 0
  switch (decoded.server) {
    case 's.whatsapp.net':
    case 'c.us':
    case 'hosted':
      return { phone: decoded.user, device }
    case 'lid':
    case 'hosted.lid':
      return { lid: decoded.user, device }
    default:
      return { chatId: `${decoded.user}@${decoded.server}`, device }
  }
}

/** The public id of a jid, without looking anybody up. */
export function toChatId(jid: string): string | undefined {
  const address = fromJid(jid)
  if (!address) return undefined
  if (address.phone !== undefined) return phoneChat(address.phone)
  if (address.lid !== undefined) return lidChat(address.lid)
  return address.chatId
}
