import { randomUUID } from 'node:crypto'
import type { JournalEvents } from '../../shared.ts'
import { row, rows, run, type Work } from '../store.ts'

/** The ordered log of a session's events. `seq` is given in the commit, dense from 1: a gap would be a lost event. */
export interface JournalEntry<E extends keyof JournalEvents = keyof JournalEvents> {
  seq: number
  id: string
  event: E
  /** The chat whose order this event is part of, or null. */
  chat: string | null
  timestamp: number
  data: JournalEvents[E]
}

interface Stored {
  seq: number
  id: string
  event: keyof JournalEvents
  chat: string | null
  timestamp: number
  data: string
}

export function* append<E extends keyof JournalEvents>(
  session: string,
  event: E,
  chat: string | null,
  timestamp: number,
  data: JournalEvents[E],
): Work<void> {
  yield* run(
    `INSERT INTO events (session, seq, id, event, chat, timestamp, data)
      VALUES (?, coalesce((SELECT max(seq) FROM events WHERE session = ?), 0) + 1, ?, ?, ?, ?, ?)`,
    session,
    session,
    `evt_${randomUUID()}`,
    event,
    chat,
    timestamp,
    JSON.stringify(data),
  )
}

/** Up to `limit` events after `seq`, oldest first; of the named kinds, or of all. */
export function* after(
  session: string,
  seq: number,
  limit: number,
  events: readonly (keyof JournalEvents)[] = [],
): Work<JournalEntry[]> {
  const named = events.length === 0 ? '' : `AND event IN (${events.map(() => '?').join(', ')})`
  const found = yield* rows<Stored>(
    `SELECT seq, id, event, chat, timestamp, data FROM events WHERE session = ? AND seq > ? ${named} ORDER BY seq LIMIT ?`,
    session,
    seq,
    ...events,
    limit,
  )
  return found.map((stored) => ({ ...stored, data: JSON.parse(stored.data) }))
}

/** The newest event of the named kinds, or of all. */
export function* latest(
  session: string,
  events: readonly (keyof JournalEvents)[] = [],
): Work<JournalEntry | undefined> {
  const named = events.length === 0 ? '' : `AND event IN (${events.map(() => '?').join(', ')})`
  const stored = yield* row<Stored>(
    `SELECT seq, id, event, chat, timestamp, data FROM events WHERE session = ? ${named} ORDER BY seq DESC LIMIT 1`,
    session,
    ...events,
  )
  return stored && { ...stored, data: JSON.parse(stored.data) }
}

/** Where the journal begins and ends; both are 0 when there is none. */
export function* bounds(session: string): Work<{ oldest: number; newest: number }> {
  const found = yield* row<{ oldest: number | null; newest: number | null }>(
    'SELECT min(seq) AS oldest, max(seq) AS newest FROM events WHERE session = ?',
    session,
  )
  return { oldest: found?.oldest ?? 0, newest: found?.newest ?? 0 }
}

/**
 * Forgets what happened before `at`, in order, up to the first event that somebody has still to be told of. The newest
 * stays in any case: the next `seq` follows it.
 */
export function* prune(session: string, at: number): Work<void> {
  const found = yield* row<{ seq: number | null }>(
    `SELECT min(seq) AS seq FROM (
      SELECT max(seq) AS seq FROM events WHERE session = ?
      UNION ALL SELECT min(seq) FROM events WHERE session = ? AND timestamp >= ?
      UNION ALL SELECT announced + 1 FROM sessions WHERE id = ?
      UNION ALL SELECT min(cursor) + 1 FROM webhooks WHERE session = ? AND enabled = 1
      UNION ALL SELECT min(d.seq) FROM deliveries d JOIN webhooks w ON w.session = d.session AND w.id = d.webhook
        WHERE d.session = ? AND d.state <> 'done' AND w.enabled = 1) AS kept`,
    session,
    session,
    at,
    session,
    session,
    session,
  )
  yield* run('DELETE FROM events WHERE session = ? AND seq < ?', session, found?.seq ?? 0)
}

/** The newest event's `seq`, 0 when there is none. */
export function* newest(session: string): Work<number> {
  const found = yield* row<{ seq: number | null }>('SELECT max(seq) AS seq FROM events WHERE session = ?', session)
  return found?.seq ?? 0
}
