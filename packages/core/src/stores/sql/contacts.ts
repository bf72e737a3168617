import { lidChat, phoneChat } from '../../chat-id.ts'
import { row, rows, run, type Work } from '../store.ts'

/**
 * People. One row for one person, whatever WhatsApp calls them: `phone` and `lid` (digits both) are nullable and
 * unique, and when it becomes known that two rows are one person they are made one, with all their messages.
 */
export interface ContactRow {
  n: number
  phone: string | null
  lid: string | null
  name: string | null
  pushname: string | null
  isBusiness: boolean
  isBlocked: boolean
}

export interface ContactFacts {
  phone?: string | undefined
  lid?: string | undefined
  /** As saved in the phone's address book. */
  name?: string | undefined
  /** As the person calls themselves. */
  pushname?: string | undefined
  isBusiness?: boolean | undefined
}

interface Stored {
  n: number
  phone: string | null
  lid: string | null
  name: string | null
  pushname: string | null
  is_business: number
  is_blocked: number
}

const COLUMNS = 'n, phone, lid, name, pushname, is_business, is_blocked'

const read = (stored: Stored): ContactRow => ({
  n: stored.n,
  phone: stored.phone,
  lid: stored.lid,
  name: stored.name,
  pushname: stored.pushname,
  isBusiness: stored.is_business === 1,
  isBlocked: stored.is_blocked === 1,
})

/** Under which id a person is shown: by phone when it is known. */
export function chatOf(contact: { phone: string | null; lid: string | null }): string {
  return contact.phone ? phoneChat(contact.phone) : lidChat(contact.lid ?? '')
}

/** All ids under which a person can have been shown, the one of now first. */
export function namesOf({ phone, lid }: Pick<ContactRow, 'phone' | 'lid'>): string[] {
  return [...(phone === null ? [] : [phoneChat(phone)]), ...(lid === null ? [] : [lidChat(lid)])]
}

/** The name an operator wants to read. */
export function nameOf(contact: Pick<ContactRow, 'name' | 'pushname' | 'phone' | 'lid'>): string {
  return contact.name || contact.pushname || contact.phone || contact.lid || ''
}

export function* byPhone(session: string, phone: string): Work<ContactRow | undefined> {
  const found = yield* row<Stored>(`SELECT ${COLUMNS} FROM contacts WHERE session = ? AND phone = ?`, session, phone)
  return found && read(found)
}

export function* byLid(session: string, lid: string): Work<ContactRow | undefined> {
  const found = yield* row<Stored>(`SELECT ${COLUMNS} FROM contacts WHERE session = ? AND lid = ?`, session, lid)
  return found && read(found)
}

/** The contact's row, made or completed with what is newly known. At least one of `phone` and `lid` is needed. */
export function* learn(session: string, facts: ContactFacts): Work<ContactRow> {
  const [ofPhone, ofLid] = [
    facts.phone === undefined ? undefined : yield* byPhone(session, facts.phone),
    facts.lid === undefined ? undefined : yield* byLid(session, facts.lid),
  ]
  let contact = ofPhone ?? ofLid ?? (yield* insert(session, facts))
  if (ofPhone && ofLid && ofPhone.n !== ofLid.n) contact = yield* merge(session, ofPhone, ofLid)
  const changed: ContactRow = {
    ...contact,
    phone: facts.phone ?? contact.phone,
    lid: facts.lid ?? contact.lid,
    name: facts.name || contact.name,
    pushname: facts.pushname || contact.pushname,
    isBusiness: facts.isBusiness ?? contact.isBusiness,
  }
  if (!same(contact, changed)) yield* update(session, changed)
  if (chatOf(contact) !== chatOf(changed)) yield* rekey(session, chatOf(contact), chatOf(changed))
  return changed
}

export function* setBlocked(session: string, n: number, isBlocked: boolean): Work<void> {
  yield* run('UPDATE contacts SET is_blocked = ? WHERE session = ? AND n = ?', isBlocked ? 1 : 0, session, n)
}

export function* clearBlocked(session: string): Work<void> {
  yield* run('UPDATE contacts SET is_blocked = 0 WHERE session = ? AND is_blocked = 1', session)
}

const same = (a: ContactRow, b: ContactRow): boolean =>
  a.phone === b.phone &&
  a.lid === b.lid &&
  a.name === b.name &&
  a.pushname === b.pushname &&
  a.isBusiness === b.isBusiness

function* insert(session: string, facts: ContactFacts): Work<ContactRow> {
  const [stored] = yield* rows<Stored>(
    `INSERT INTO contacts (session, n, phone, lid, name, pushname, is_business, is_blocked)
      VALUES (?, coalesce((SELECT max(n) FROM contacts WHERE session = ?), 0) + 1, ?, ?, ?, ?, ?, 0) RETURNING ${COLUMNS}`,
    session,
    session,
    facts.phone ?? null,
    facts.lid ?? null,
    facts.name ?? null,
    facts.pushname ?? null,
    facts.isBusiness ? 1 : 0,
  )
  if (!stored) throw new Error('The database returned no row for an inserted contact.')
  return read(stored)
}

function* update(session: string, contact: ContactRow): Work<void> {
  yield* run(
    'UPDATE contacts SET phone = ?, lid = ?, name = ?, pushname = ?, is_business = ? WHERE session = ? AND n = ?',
    contact.phone,
    contact.lid,
    contact.name,
    contact.pushname,
    contact.isBusiness ? 1 : 0,
    session,
    contact.n,
  )
}

/** The row that knew only the hidden id becomes part of the one with the phone. */
function* merge(session: string, kept: ContactRow, gone: ContactRow): Work<ContactRow> {
  yield* run('DELETE FROM contacts WHERE session = ? AND n = ?', session, gone.n)
  yield* run('UPDATE messages SET contact = ? WHERE session = ? AND contact = ?', kept.n, session, gone.n)
  yield* run('UPDATE chats SET contact = ? WHERE session = ? AND contact = ?', kept.n, session, gone.n)
  // A lid that now belongs to this phone, while the row still has another: the new one holds.
  const merged: ContactRow = {
    ...kept,
    lid: gone.lid,
    name: kept.name ?? gone.name,
    pushname: kept.pushname ?? gone.pushname,
    isBusiness: kept.isBusiness || gone.isBusiness,
    isBlocked: kept.isBlocked || gone.isBlocked,
  }
  yield* update(session, merged)
  yield* rekey(session, chatOf(gone), chatOf(merged))
  return merged
}

/** Everything kept under one chat id goes under another. What is already there under the same message id stays. */
function* rekey(session: string, from: string, to: string): Work<void> {
  if (from === to) return
  for (const column of ['chat', 'sender']) {
    const other = column === 'chat' ? 'sender' : 'chat'
    yield* run(
      `UPDATE messages SET ${column} = ? WHERE session = ? AND ${column} = ? AND NOT EXISTS (
        SELECT 1 FROM messages AS there WHERE there.session = messages.session AND there.${column} = ?
          AND there.${other} = messages.${other} AND there.id = messages.id)`,
      to,
      session,
      from,
      to,
    )
    const double = yield* rows<{ chat: string }>(
      `DELETE FROM messages WHERE session = ? AND ${column} = ? RETURNING chat`,
      session,
      from,
    )
    for (const chat of new Set(double.map((message) => message.chat))) yield* recount(session, chat)
  }
  yield* run('UPDATE outbox SET chat = ? WHERE session = ? AND chat = ?', to, session, from)
  const chats = yield* rows<{ chat: string; contact: number | null; name: string | null; unread_count: number }>(
    'SELECT chat, contact, name, unread_count FROM chats WHERE session = ? AND chat IN (?, ?)',
    session,
    from,
    to,
  )
  if (!chats.some(({ chat }) => chat === from)) return
  const unread = chats.reduce((sum, chat) => sum + chat.unread_count, 0)
  const contact = chats.find((chat) => chat.contact !== null)?.contact ?? null
  const name = chats.find((chat) => chat.name !== null)?.name ?? null
  yield* run('DELETE FROM chats WHERE session = ? AND chat IN (?, ?)', session, from, to)
  yield* run(
    `INSERT INTO chats (session, chat, contact, name, last_n, last_timestamp, message_count, unread_count)
      SELECT ?, ?, ?, ?, (SELECT n FROM messages WHERE session = ? AND chat = ? ORDER BY timestamp DESC, n DESC LIMIT 1),
        coalesce(max(timestamp), 0), count(*), ? FROM messages WHERE session = ? AND chat = ?`,
    session,
    to,
    contact,
    name,
    session,
    to,
    unread,
    session,
    to,
  )
}

/** After messages of a chat went: how many there are, and which is the newest. */
function* recount(session: string, chat: string): Work<void> {
  yield* run(
    `UPDATE chats SET message_count = (SELECT count(*) FROM messages WHERE session = ? AND chat = ?),
        last_n = (SELECT n FROM messages WHERE session = ? AND chat = ? ORDER BY timestamp DESC, n DESC LIMIT 1)
      WHERE session = ? AND chat = ?`,
    session,
    chat,
    session,
    chat,
    session,
    chat,
  )
}
