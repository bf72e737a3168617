import { row, rows, run, type Work } from '../store.ts'
import { newest } from './journal.ts'

/** The one URL that is told about a session's events. */
export interface WebhookRow {
  session: string
  url: string
  secret: string | null
  /** Up to this `seq` events have become deliveries. */
  cursor: number
  createdAt: number
}

interface Stored {
  session: string
  url: string
  secret: string | null
  cursor: number
  created_at: number
}

const COLUMNS = 'session, url, secret, cursor, created_at'

const read = ({ created_at, ...rest }: Stored): WebhookRow => ({ ...rest, createdAt: created_at })

export function* all(): Work<WebhookRow[]> {
  return (yield* rows<Stored>(`SELECT ${COLUMNS} FROM webhooks ORDER BY session`)).map(read)
}

export function* get(session: string): Work<WebhookRow | undefined> {
  const stored = yield* row<Stored>(`SELECT ${COLUMNS} FROM webhooks WHERE session = ?`, session)
  return stored && read(stored)
}

/**
 * Replaces the configuration. A new webhook begins with the next event; one that is replaced keeps its place, so that
 * moving a bot to another URL loses nothing.
 */
export function* set(session: string, url: string, secret: string | null, at: number): Work<void> {
  const seq = yield* newest(session)
  yield* run(
    `INSERT INTO webhooks (${COLUMNS}) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (session) DO UPDATE SET url = excluded.url, secret = excluded.secret, created_at = excluded.created_at`,
    session,
    url,
    secret,
    seq,
    at,
  )
}

export function* advance(session: string, cursor: number): Work<void> {
  yield* run('UPDATE webhooks SET cursor = ? WHERE session = ?', cursor, session)
}

export function* remove(session: string): Work<void> {
  yield* run('DELETE FROM webhooks WHERE session = ?', session)
}
