export type MessageType =
  | 'text'
  | 'image'
  | 'video'
  | 'audio'
  | 'voice'
  | 'document'
  | 'sticker'
  | 'location'
  | 'contact'
  | 'poll'
  | 'event'
  | 'unknown'

/** How far a sent message got. */
export type Ack = 'server' | 'delivered' | 'read' | 'played'

export interface Message {
  /** WhatsApp's id: unique together with chat and sender, never alone. */
  id: string
  chatId: string
  /** Who wrote it; in a group the group's id, with the person in `author`. */
  from: string
  /** The person who wrote it in a group, else null. */
  author: string | null
  /** The text or caption; `""` when there is none. */
  body: string
  isFromMe: boolean
  /** Name, else push name, else number of the person on the other side. */
  contactName: string
  /** ms since the epoch. */
  timestamp: number
  type: MessageType
  /** Own messages only, else null. */
  ack: Ack | null
  /** In the event only: the message was told as `message_undecryptable` before, and could be read when it was resent. */
  recovered?: true
}

/** A chat's newest message, as the list of chats shows it. */
export interface LastMessage {
  id: string
  body: string
  timestamp: number
  isFromMe: boolean
  contactName: string
  type: MessageType
}

export interface Chat {
  chatId: string
  name: string
  lastMessage: LastMessage | null
  messageCount: number
  unreadCount: number
}

export interface Contact {
  id: string
  name: string
  pushname: string
  /** Digits; `""` for somebody of whom only the hidden id is known. */
  number: string
  isBlocked: boolean
  isBusiness: boolean
}

export interface NumberCheck {
  phone: string
  registered: boolean
  whatsappId: string | null
}

/** One page of a list, newest first; `nextCursor` is null on the last page. */
export interface Page<T> {
  data: T[]
  nextCursor: string | null
}

export interface ListOptions {
  /** 1–500, default 50. */
  limit?: number
  /** `nextCursor` of the page before. */
  cursor?: string
}
