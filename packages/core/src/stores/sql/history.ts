import type { MessageType } from '../../shared.ts'
import { row, rows, run, type Work } from '../store.ts'

/** Chats and their messages. A message is (session, chat, sender, id): ids are chosen by the sender, never unique alone. */
export interface NewMessage {
  chat: string
  /** The person's chat id, or `me`. */
  sender: string
  id: string
  /** Whose name to show; null for own messages in groups. */
  contact: number | null
  timestamp: number
  body: string
  type: MessageType
  isFromMe: boolean
  /** 0 none, 1 server, 2 delivered, 3 read, 4 played. */
  ack: number
  raw: Uint8Array | null
  /** Adds to the chat's unread messages. */
  unread: boolean
}

export interface MessageRow {
  chat: string
  sender: string
  id: string
  n: number
  timestamp: number
  body: string
  type: MessageType
  is_from_me: number
  ack: number
  name: string | null
  pushname: string | null
  phone: string | null
  lid: string | null
}

export interface ChatRow {
  chat: string
  chat_name: string | null
  name: string | null
  pushname: string | null
  phone: string | null
  lid: string | null
  message_count: number
  unread_count: number
  last_timestamp: number
  last_n: number | null
}

/** A place in a list that is ordered by time. */
export interface Place {
  timestamp: number
  n: number
}

const MESSAGE = `m.chat, m.sender, m.id, m.n, m.timestamp, m.body, m.type, m.is_from_me, m.ack, c.name, c.pushname, c.phone, c.lid
  FROM messages AS m LEFT JOIN contacts AS c ON c.session = m.session AND c.n = m.contact`

/** Keeps a message. `known` when it is already there: then nothing happens, and nobody is to be told. */
export function* record(session: string, message: NewMessage, contactOfChat: number | null): Work<'new' | 'known'> {
  const [stored] = yield* rows<{ n: number }>(
    `INSERT INTO messages (session, chat, sender, id, n, contact, timestamp, body, type, is_from_me, ack, raw)
      VALUES (?, ?, ?, ?, coalesce((SELECT max(n) FROM messages WHERE session = ?), 0) + 1, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (session, chat, sender, id) DO NOTHING RETURNING n`,
    session,
    message.chat,
    message.sender,
    message.id,
    session,
    message.contact,
    message.timestamp,
    message.body,
    message.type,
    message.isFromMe ? 1 : 0,
    message.ack,
    message.raw,
  )
  if (!stored) return 'known'
  yield* run(
    `INSERT INTO chats (session, chat, contact, name, last_n, last_timestamp, message_count, unread_count)
      VALUES (?, ?, ?, NULL, ?, ?, 1, ?)
      ON CONFLICT (session, chat) DO UPDATE SET
        contact = coalesce(chats.contact, excluded.contact),
        last_n = CASE WHEN excluded.last_timestamp >= chats.last_timestamp THEN excluded.last_n ELSE chats.last_n END,
        last_timestamp = CASE WHEN excluded.last_timestamp >= chats.last_timestamp THEN excluded.last_timestamp ELSE chats.last_timestamp END,
        message_count = chats.message_count + 1,
        unread_count = chats.unread_count + excluded.unread_count`,
    session,
    message.chat,
    contactOfChat,
    stored.n,
    message.timestamp,
    message.unread ? 1 : 0,
  )
  return 'new'
}

export function* nameChat(session: string, chat: string, contact: number | null, name: string | null): Work<void> {
  yield* run(
    `INSERT INTO chats (session, chat, contact, name, last_n, last_timestamp, message_count, unread_count)
      VALUES (?, ?, ?, ?, NULL, 0, 0, 0)
      ON CONFLICT (session, chat) DO UPDATE SET name = coalesce(excluded.name, chats.name), contact = coalesce(chats.contact, excluded.contact)`,
    session,
    chat,
    contact,
    name,
  )
}

/** The account's owner has read the chat on another device, or answered in it. */
export function* markRead(session: string, chat: string): Work<void> {
  yield* run('UPDATE chats SET unread_count = 0 WHERE session = ? AND chat = ?', session, chat)
}

/** Raises the ack of an own message; false when it already was that far, or is not kept. */
export function* raiseAck(session: string, chat: string, id: string, ack: number): Work<boolean> {
  const raised = yield* rows(
    'UPDATE messages SET ack = ? WHERE session = ? AND chat = ? AND sender = ? AND id = ? AND ack < ? RETURNING n',
    ack,
    session,
    chat,
    'me',
    id,
    ack,
  )
  return raised.length > 0
}

/** Own messages with this id: at most one in practice, since wamux and the phone choose them at random. */
export function* own(session: string, id: string): Work<MessageRow | undefined> {
  return yield* row<MessageRow>(`SELECT ${MESSAGE} WHERE m.session = ? AND m.id = ? AND m.is_from_me = 1`, session, id)
}

/** The messages of a chat with this id: more than one only where people chose the same. */
export function* byId(session: string, chat: string, id: string, sender: string | null): Work<MessageRow | undefined> {
  const found = yield* rows<MessageRow>(
    `SELECT ${MESSAGE} WHERE m.session = ? AND m.chat = ? AND m.id = ? ORDER BY m.n`,
    session,
    chat,
    id,
  )
  return sender === null ? found[0] : found.find((message) => message.sender === sender)
}

/** The protobuf of a message, if it is kept. */
export function* rawOf(session: string, chat: string, sender: string, id: string): Work<Uint8Array | null> {
  const found = yield* row<{ raw: Uint8Array | null }>(
    'SELECT raw FROM messages WHERE session = ? AND chat = ? AND sender = ? AND id = ?',
    session,
    chat,
    sender,
    id,
  )
  return found?.raw ?? null
}

/** Newest first. */
export function* messages(
  session: string,
  chat: string | null,
  before: Place | null,
  limit: number,
): Work<MessageRow[]> {
  const where = ['m.session = ?']
  const params: (string | number)[] = [session]
  if (chat !== null) {
    where.push('m.chat = ?')
    params.push(chat)
  }
  if (before) {
    where.push('(m.timestamp, m.n) < (?, ?)')
    params.push(before.timestamp, before.n)
  }
  return yield* rows<MessageRow>(
    `SELECT ${MESSAGE} WHERE ${where.join(' AND ')} ORDER BY m.timestamp DESC, m.n DESC LIMIT ?`,
    ...params,
    limit,
  )
}

/** Chats with at least one message, the most recent first. */
export function* chats(
  session: string,
  before: { timestamp: number; chat: string } | null,
  limit: number,
): Work<ChatRow[]> {
  const place = before ? 'AND (h.last_timestamp, h.chat) < (?, ?)' : ''
  return yield* rows<ChatRow>(
    `SELECT h.chat, h.name AS chat_name, c.name, c.pushname, c.phone, c.lid, h.message_count, h.unread_count, h.last_timestamp, h.last_n
      FROM chats AS h LEFT JOIN contacts AS c ON c.session = h.session AND c.n = h.contact
      WHERE h.session = ? AND h.message_count > 0 ${place} ORDER BY h.last_timestamp DESC, h.chat DESC LIMIT ?`,
    session,
    ...(before ? [before.timestamp, before.chat] : []),
    limit,
  )
}

/** How many messages of a chat are kept. */
export function* countIn(session: string, chat: string): Work<number> {
  const sql = 'SELECT message_count AS count FROM chats WHERE session = ? AND chat = ?'
  return (yield* row<{ count: number }>(sql, session, chat))?.count ?? 0
}

export function* byN(session: string, n: number): Work<MessageRow | undefined> {
  return yield* row<MessageRow>(`SELECT ${MESSAGE} WHERE m.session = ? AND m.n = ?`, session, n)
}
