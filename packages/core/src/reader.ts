import { chatKind, parseChatId, userOf } from './chat-id.ts'
import { WamuxError } from './errors.ts'
import { chatOfPhone } from './inbox.ts'
import type { Limits } from './limits.ts'
import { toMessage } from './message.ts'
import { pageOf, readCursor } from './page.ts'
import type { Account, Batch, BatchStatus, Chat, ListOptions, Message, OutgoingMessage, Page } from './shared.ts'
import * as batches from './stores/sql/batches.ts'
import * as contacts from './stores/sql/contacts.ts'
import * as history from './stores/sql/history.ts'
import { countReached } from './stores/sql/members.ts'
import * as outboxRows from './stores/sql/outbox.ts'
import { timesOf } from './stores/sql/timeline.ts'
import type { Store, Work } from './stores/store.ts'
import { timelineOf } from './timeline.ts'
import { NOTHING, waitsOf } from './waits.ts'

/** What is kept of one session, as users read it. Asks the store only; works whatever state the session is in. */
export class Reader {
  readonly #session: string
  readonly #store: Store
  readonly #account: () => Account | null
  readonly #limits: Limits

  constructor(session: string, store: Store, account: () => Account | null, limits: Limits = {}) {
    this.#limits = limits
    this.#session = session
    this.#store = store
    this.#account = account
  }

  async batch(batchId: string): Promise<Batch> {
    const session = this.#session
    const { entries, state } = await this.#store.read(function* () {
      return { entries: yield* outboxRows.ofBatch(session, batchId), state: yield* batches.stateOf(session, batchId) }
    })
    if (entries.length === 0) throw new WamuxError('NOT_FOUND', 'There is no such batch.')
    const counts: Batch['counts'] = { queued: 0, sent: 0, delivered: 0, read: 0, failed: 0, expired: 0, cancelled: 0 }
    const list = entries.map((entry) => {
      const status = statusOf(entry)
      counts[status]++
      return { index: entry.batchIndex ?? 0, phone: entry.phone, messageId: entry.id, status }
    })
    return { batchId, total: list.length, messages: list, counts, state }
  }

  async chats(options: ListOptions = {}): Promise<Page<Chat>> {
    const { limit, cursor } = readCursor(options)
    const before = cursor && { timestamp: Number(cursor[0]), chat: String(cursor[1]) }
    const session = this.#session
    const account = this.#account()
    const found = await this.#store.read(function* () {
      const list: [history.ChatRow, history.MessageRow | undefined][] = []
      for (const chat of yield* history.chats(session, before ?? null, limit + 1)) {
        list.push([chat, chat.last_n === null ? undefined : yield* history.byN(session, chat.last_n)])
      }
      return list
    })
    const page = pageOf(found, limit, ([chat]) => [chat.last_timestamp, chat.chat])
    return { ...page, data: page.data.map(([chat, last]) => toChat(chat, last, account)) }
  }

  async messages(chatId: string, options: ListOptions = {}): Promise<Page<Message>> {
    return this.#list(parseChatId(chatId), options)
  }

  async recentMessages(options: ListOptions = {}): Promise<Page<Message>> {
    return this.#list(null, options)
  }

  async chatMessage(chatId: string, messageId: string, sender?: string): Promise<Message> {
    const session = this.#session
    const chat = parseChatId(chatId)
    const author = sender === undefined || sender === 'me' ? sender : parseChatId(sender)
    const found = await this.#store.read(function* () {
      const by = author === undefined || author === 'me' ? (author ?? null) : yield* canonical(session, author)
      return yield* history.byId(session, yield* canonical(session, chat), messageId, by)
    })
    if (!found) throw new WamuxError('NOT_FOUND', 'There is no such message.')
    return toMessage(found, this.#account())
  }

  /** `onWireSince`: of a message that waits for its ack, which is not written down before that. */
  async message(messageId: string, onWireSince?: number): Promise<OutgoingMessage> {
    const session = this.#session
    const limits = this.#limits
    const { entry, times, reached, waits } = await this.#store.read(function* () {
      const entry = yield* outboxRows.byId(session, messageId)
      const times = yield* timesOf(session, messageId)
      const isGroup = entry !== undefined && chatKind(entry.chat) === 'group'
      const reached = isGroup ? yield* countReached(session, messageId) : null
      return { entry, times, reached, waits: entry ? yield* waitsOf(session, entry, Date.now(), limits) : NOTHING }
    })
    if (!entry) throw new WamuxError('NOT_FOUND', 'There is no such message.')
    const { id, phone, chat, code, acceptedAt, sendAt, priority } = entry
    const known = { messageId: id, phone, chatId: chat, status: statusOf(entry), code, acceptedAt, sendAt, priority }
    const isOnWire = entry.state === 'queued' && onWireSince !== undefined
    const timeline = timelineOf(entry, times && isOnWire ? { ...times, onWireAt: onWireSince } : times)
    return { ...known, ...waits, timeline, reached }
  }

  async #list(chat: string | null, options: ListOptions): Promise<Page<Message>> {
    const { limit, cursor } = readCursor(options)
    const before = cursor && { timestamp: Number(cursor[0]), n: Number(cursor[1]) }
    const session = this.#session
    const found = await this.#store.read(function* () {
      const known = chat === null ? null : yield* canonical(session, chat)
      return yield* history.messages(session, known, before ?? null, limit + 1)
    })
    const page = pageOf(found, limit, ({ timestamp, n }) => [timestamp, n])
    return { ...page, data: page.data.map((row) => toMessage(row, this.#account())) }
  }
}

/** A chat under the id that it is kept under now: a hidden id may have become a phone. */
function* canonical(session: string, chat: string): Work<string> {
  if (chatKind(chat) === 'person') return yield* chatOfPhone(session, userOf(chat))
  if (chatKind(chat) !== 'lid') return chat
  const contact = yield* contacts.byLid(session, userOf(chat))
  return contact ? contacts.chatOf(contact) : chat
}

function toChat(chat: history.ChatRow, last: history.MessageRow | undefined, account: Account | null): Chat {
  const message = last && toMessage(last, account)
  return {
    chatId: chat.chat,
    name: chat.chat_name ?? contacts.nameOf(chat),
    lastMessage: message
      ? {
          id: message.id,
          body: message.body,
          timestamp: message.timestamp,
          isFromMe: message.isFromMe,
          contactName: message.contactName,
          type: message.type,
        }
      : null,
    messageCount: chat.message_count,
    unreadCount: chat.unread_count,
  }
}

function statusOf({ state, ack }: outboxRows.OutboxEntry): BatchStatus {
  if (state !== 'sent') return state
  return ack >= 3 ? 'read' : ack === 2 ? 'delivered' : 'sent'
}
