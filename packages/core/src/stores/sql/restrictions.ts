import { row, run, type Work } from '../store.ts'

/** That WhatsApp lets an account begin no chats, as it was told last. */
export interface Restriction {
  since: number
  until: number
  /** WhatsApp's word for why. */
  reason: string | null
}

/** What another account was told, to which the session was linked before, is nothing to this one. */
export function* restrictionOf(session: string, account: string): Work<Restriction | undefined> {
  return yield* row<{ since: number; until: number; reason: string | null }>(
    'SELECT since, until, reason FROM restrictions WHERE session = ? AND account = ?',
    session,
    account,
  )
}

export function* putRestriction(session: string, account: string, { since, until, reason }: Restriction): Work<void> {
  yield* run(
    `INSERT INTO restrictions (session, account, since, until, reason) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (session) DO UPDATE SET account = excluded.account, since = excluded.since, until = excluded.until,
        reason = excluded.reason`,
    session,
    account,
    since,
    until,
    reason,
  )
}

export function* dropRestriction(session: string): Work<void> {
  yield* run('DELETE FROM restrictions WHERE session = ?', session)
}

/** Whether WhatsApp has refused to begin this chat since then. */
export function* wasRefused(session: string, chat: string, since: number): Work<boolean> {
  const found = yield* row(
    `SELECT 1 AS one FROM outbox WHERE session = ? AND chat = ? AND state = 'failed' AND settled_at >= ?
      AND code = 'WHATSAPP_RESTRICTED' LIMIT 1`,
    session,
    chat,
    since,
  )
  return found !== undefined
}
