import { chatKind, phoneChat } from './chat-id.ts'
import type { Account, Ack, Message } from './shared.ts'
import * as contacts from './stores/sql/contacts.ts'
import type { MessageRow } from './stores/sql/history.ts'

/** What a store keeps as a number, and users read as a word. */
export const ACK = { none: 0, server: 1, delivered: 2, read: 3, played: 4 } as const
const WORDS: readonly (Ack | null)[] = [null, 'server', 'delivered', 'read', 'played']

export const ackWord = (ack: number): Ack | null => WORDS[ack] ?? null

/** The chat id of the account itself, as `from` of what it wrote. */
export const ownChat = (account: Account | null): string => (account ? phoneChat(account.phone) : '')

/** A stored message as users see it. */
export function toMessage(row: MessageRow, account: Account | null): Message {
  const isFromMe = row.is_from_me === 1
  const inGroup = chatKind(row.chat) !== 'person' && chatKind(row.chat) !== 'lid'
  return {
    id: row.id,
    chatId: row.chat,
    from: inGroup ? row.chat : isFromMe ? ownChat(account) : row.chat,
    author: inGroup && row.sender !== row.chat ? (isFromMe ? ownChat(account) : row.sender) : null,
    body: row.body,
    isFromMe,
    contactName: contacts.nameOf(row),
    timestamp: row.timestamp,
    type: row.type,
    ack: isFromMe ? ackWord(row.ack) : null,
  }
}
