import { chatKind, userOf } from './chat-id.ts'
import type { Inbox } from './inbox.ts'
import { isNewChat } from './limits.ts'
import { ACK, toMessage } from './message.ts'
import type { Failure } from './outcomes.ts'
import type { Account } from './shared.ts'
import * as contacts from './stores/sql/contacts.ts'
import * as history from './stores/sql/history.ts'
import * as journal from './stores/sql/journal.ts'
import * as rows from './stores/sql/outbox.ts'
import * as timeline from './stores/sql/timeline.ts'
import type { Work } from './stores/store.ts'
import { readBody } from './whatsapp/read-message.ts'

/** Whose message it is. */
export interface Settling {
  session: string
  inbox: Inbox
  account: () => Account | null
}

/** WhatsApp's server has a message: its row, history and event. False when it was settled before. */
export function* settleSent(
  { session, inbox, account }: Settling,
  entry: rows.OutboxEntry,
  timestamp: number,
  onWireAt: number | null,
): Work<boolean> {
  if (!(yield* rows.settle(session, entry.id, 'sent', null))) return false
  yield* timeline.settled(session, entry.id, timestamp, onWireAt)
  const { kind, type, body } = readBody(entry.body)
  // What is done to a message is none itself.
  if (kind !== 'message') return true
  const contact = yield* contactOf(session, entry.chat)
  const chat = contact ? contacts.chatOf(contact) : entry.chat
  if (yield* isNewChat(session, chat)) yield* rows.setOpened(session, entry.id)
  const known = yield* rows.byId(session, entry.id)
  const ack = Math.max(ACK.server, known?.ack ?? 0)
  const message = { chat, sender: 'me', id: entry.id, timestamp, body, type, raw: entry.body }
  const kept = { ...message, contact: contact?.n ?? null, isFromMe: true, ack, unread: false }
  yield* history.record(session, kept, contact?.n ?? null)
  const names = {
    name: contact?.name ?? null,
    pushname: contact?.pushname ?? null,
    phone: contact?.phone ?? null,
    lid: contact?.lid ?? null,
  }
  const told = toMessage({ ...message, ...names, n: 0, is_from_me: 1, ack: ACK.server }, account())
  yield* journal.append(session, 'message_sent', chat, timestamp, told)
  // A receipt overtook the ack.
  if (ack > ACK.server) yield* inbox.acked(chat, entry.id, ack, timestamp)
  return true
}

/** A message will not be sent: its row and event. False when it was settled before. */
export function* settleFailed(
  { session }: Settling,
  entry: rows.OutboxEntry,
  { code, error }: Failure,
  onWireAt: number | null,
): Work<boolean> {
  if (!(yield* rows.settle(session, entry.id, code === 'EXPIRED' ? 'expired' : 'failed', code))) return false
  const timestamp = Date.now()
  yield* timeline.settled(session, entry.id, timestamp, onWireAt)
  const data = { id: entry.id, chatId: entry.chat, code, error, timestamp }
  yield* journal.append(session, 'message_failed', entry.chat, timestamp, data)
  return true
}

/** A message was called off. False when it was settled before. */
export function* settleCancelled(session: string, id: string): Work<boolean> {
  if (!(yield* rows.settle(session, id, 'cancelled', null))) return false
  yield* timeline.settled(session, id, Date.now(), null)
  return true
}

function* contactOf(session: string, chat: string): Work<contacts.ContactRow | null> {
  const kind = chatKind(chat)
  if (kind === 'person') return yield* contacts.learn(session, { phone: userOf(chat) })
  if (kind === 'lid') return yield* contacts.learn(session, { lid: userOf(chat) })
  return null
}
