import { type Change, recordChange } from './changes.ts'
import { phoneChat } from './chat-id.ts'
import { ACK, ackWord, ownChat, toMessage } from './message.ts'
import type { Account, MessageType } from './shared.ts'
import * as contacts from './stores/sql/contacts.ts'
import * as history from './stores/sql/history.ts'
import * as journal from './stores/sql/journal.ts'
import * as members from './stores/sql/members.ts'
import * as outbox from './stores/sql/outbox.ts'
import * as stanzas from './stores/sql/stanzas.ts'
import * as timeline from './stores/sql/timeline.ts'
import type { Work } from './stores/store.ts'

/** Somebody, by whatever WhatsApp called them. */
export interface Person {
  phone?: string | undefined
  lid?: string | undefined
}

/** A message that came in, before anybody is looked up. */
export interface Incoming {
  id: string
  /** The person on the other side, or the id of a group, newsletter or the status list. */
  chat: Person | string
  /** Who wrote it, in a group. */
  author: Person | null
  isFromMe: boolean
  /** WhatsApp says that an admin of the group did it, where others could not. */
  isByAdmin?: boolean
  timestamp: number
  pushname: string | undefined
  isBusiness: boolean | undefined
}

export interface IncomingContent {
  type: MessageType
  body: string
  /** The protobuf as it was. */
  raw: Uint8Array
}

/** A chat as it is kept; `contact` is null where it is none of a person. */
export interface ChatPlace {
  id: string
  contact: contacts.ContactRow | null
}

export interface Receipt {
  ids: readonly string[]
  chat: Person | string
  /** Which member of a group. */
  by: Person | null
  step: 'delivered' | 'read' | 'played'
  timestamp: number
}

/**
 * What the store does when something comes in. Each is a Work that runs in the transaction which makes the stanza
 * durable: message, contact and event are on disk before WhatsApp hears that anything arrived, or none of them is.
 */
export class Inbox {
  readonly #session: string
  readonly #account: () => Account | null

  constructor(session: string, account: () => Account | null) {
    this.#session = session
    this.#account = account
  }

  /**
   * A new message is kept and told; a known one changes nothing. One that the phone tells of its history is `past`: not
   * told, unless it is one of which was told that it could not be read.
   */
  *message(incoming: Incoming, content: IncomingContent, { past = false } = {}): Work<void> {
    const { isFromMe } = incoming
    const { chat, author, sender } = yield* this.#place(incoming)
    const isPerson = chat.contact !== null
    const contact = isPerson ? chat.contact : author
    const message: history.NewMessage = {
      chat: chat.id,
      sender,
      id: incoming.id,
      contact: contact?.n ?? null,
      timestamp: incoming.timestamp,
      body: content.body,
      type: content.type,
      isFromMe,
      ack: isFromMe ? ACK.server : ACK.none,
      raw: content.raw,
      unread: !isFromMe && !past,
    }
    if ((yield* history.record(this.#session, message, chat.contact?.n ?? null)) === 'known') return
    const recovered = yield* this.#wasUndecryptable(chat, author, incoming)
    if (past && !recovered) return
    if (isFromMe && !past) yield* history.markRead(this.#session, chat.id)
    // A status is kept like a message, but nobody can answer it: no bot is told.
    if (chat.id === 'status@broadcast') return
    const row = {
      ...message,
      n: 0,
      is_from_me: isFromMe ? 1 : 0,
      name: contact?.name ?? null,
      pushname: contact?.pushname ?? null,
      phone: contact?.phone ?? null,
      lid: contact?.lid ?? null,
    }
    const told = { ...toMessage(row, this.#account()), ...(recovered && { recovered }) }
    yield* journal.append(this.#session, 'message', chat.id, incoming.timestamp, told)
  }

  /** Something is done to a message that is there. Told once, as a message is. */
  *change(incoming: Incoming, change: Change): Work<void> {
    const { chat, author, sender } = yield* this.#place(incoming)
    // Of a status nobody is told.
    if (chat.id === 'status@broadcast') return
    const key = ['change', chat.id, sender, incoming.id].join(' ')
    if (!(yield* stanzas.keep(this.#session, key, new Uint8Array(), incoming.timestamp))) return
    yield* recordChange({ session: this.#session, account: this.#account(), chat, author, sender, incoming }, change)
  }

  /** Told once, however often WhatsApp delivers it again; and not at all when it could be read before. */
  *undecryptable(incoming: Incoming): Work<void> {
    const { chat, author, sender } = yield* this.#place(incoming)
    const from = incoming.isFromMe ? ownChat(this.#account()) : chat.id
    if (yield* history.byId(this.#session, chat.id, incoming.id, sender)) return
    if (yield* this.#wasUndecryptable(chat, author, incoming)) return
    const [key = ''] = undecryptableKeys(chat, author, incoming)
    yield* stanzas.keep(this.#session, key, new Uint8Array(), incoming.timestamp)
    yield* journal.append(this.#session, 'message_undecryptable', chat.id, incoming.timestamp, {
      id: incoming.id,
      chatId: chat.id,
      from,
      author: author ? contacts.chatOf(author) : null,
      timestamp: incoming.timestamp,
    })
  }

  /** Each step of each own message once, never back. */
  *receipt(receipt: Receipt): Work<void> {
    const ack = ACK[receipt.step]
    const chat = yield* this.#chatOf(receipt.chat)
    for (const id of receipt.ids) {
      const message = yield* history.own(this.#session, id)
      const sent = yield* outbox.byId(this.#session, id)
      // Whoever was not sent it can know its id, and says nothing about it.
      const names = chat.contact ? contacts.namesOf(chat.contact) : [chat.id]
      if (sent && !names.includes(sent.chat)) continue
      const member = receipt.by?.lid ?? receipt.by?.phone
      if (sent && member !== undefined) yield* members.reached(this.#session, id, member, ack)
      // A receipt can come before the server's own ack: then the step waits in the outbox.
      if (yield* outbox.raiseAck(this.#session, id, ack))
        yield* timeline.reached(this.#session, id, receipt.step, receipt.timestamp)
      if (message?.chat !== chat.id) continue
      if (yield* history.raiseAck(this.#session, chat.id, id, ack))
        yield* this.acked(chat.id, id, ack, receipt.timestamp)
    }
  }

  *acked(chatId: string, id: string, ack: number, timestamp: number): Work<void> {
    const word = ackWord(ack)
    if (word !== 'delivered' && word !== 'read' && word !== 'played') return
    yield* journal.append(this.#session, 'message_ack', chatId, timestamp, {
      id,
      chatId,
      from: ownChat(this.#account()),
      isFromMe: true,
      ack: word,
      // ACK.delivered … ACK.played are the documented codes.
      ackCode: ack as 2 | 3 | 4,
      timestamp,
    })
  }

  /** The owner read a chat on another device. */
  *readElsewhere(chat: Person | string): Work<void> {
    yield* history.markRead(this.#session, (yield* this.#chatOf(chat)).id)
  }

  *person(person: Person, facts: { name?: string | undefined; pushname?: string | undefined }): Work<void> {
    yield* contacts.learn(this.#session, { ...person, ...facts })
  }

  *namedChat(chat: Person | string, name: string | null): Work<void> {
    const { id, contact } = yield* this.#chatOf(chat)
    yield* history.nameChat(this.#session, id, contact?.n ?? null, contact ? null : name)
  }

  *blocked(people: readonly Person[]): Work<void> {
    yield* contacts.clearBlocked(this.#session)
    for (const person of people) {
      const contact = yield* contacts.learn(this.#session, person)
      yield* contacts.setBlocked(this.#session, contact.n, true)
    }
  }

  *#wasUndecryptable(chat: ChatPlace, author: contacts.ContactRow | null, incoming: Incoming): Work<boolean> {
    return yield* stanzas.hasAny(this.#session, undecryptableKeys(chat, author, incoming))
  }

  /** Where it belongs, and who it is from. */
  *#place(incoming: Incoming): Work<{ chat: ChatPlace; author: contacts.ContactRow | null; sender: string }> {
    const chat = yield* this.#chat(incoming)
    const author = incoming.author && !incoming.isFromMe ? yield* this.#learn(incoming.author, incoming) : null
    return { chat, author, sender: incoming.isFromMe ? 'me' : author ? contacts.chatOf(author) : chat.id }
  }

  *#chat(incoming: Incoming): Work<ChatPlace> {
    if (typeof incoming.chat === 'string') return { id: incoming.chat, contact: null }
    // Own messages carry the owner's push name, not the name of the person they were written to.
    const contact = incoming.isFromMe
      ? yield* contacts.learn(this.#session, incoming.chat)
      : yield* this.#learn(incoming.chat, incoming)
    return { id: contacts.chatOf(contact), contact }
  }

  *#chatOf(chat: Person | string): Work<ChatPlace> {
    if (typeof chat === 'string') return { id: chat, contact: null }
    const contact = yield* contacts.learn(this.#session, chat)
    return { id: contacts.chatOf(contact), contact }
  }

  *#learn(person: Person, { pushname, isBusiness }: Incoming): Work<contacts.ContactRow> {
    return yield* contacts.learn(this.#session, { ...person, pushname, isBusiness })
  }
}

/** Under what it is remembered that a message could not be read; by each name that its people had then or have now. */
function undecryptableKeys(chat: ChatPlace, author: contacts.ContactRow | null, { id, isFromMe }: Incoming): string[] {
  const chats = chat.contact ? contacts.namesOf(chat.contact) : [chat.id]
  return chats.flatMap((name) => {
    const senders = isFromMe ? ['me'] : author ? contacts.namesOf(author) : [name]
    return senders.map((sender) => ['undecryptable', name, sender, id].join(' '))
  })
}

/** The chat id under which a phone's messages are kept, for who only has the phone. */
export function* chatOfPhone(session: string, phone: string): Work<string> {
  const contact = yield* contacts.byPhone(session, phone)
  return contact ? contacts.chatOf(contact) : phoneChat(phone)
}
