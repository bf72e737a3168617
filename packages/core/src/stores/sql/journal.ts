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

/** Up to `limit` events after `seq`, oldest first. */
export function* after(session: string, seq: number, limit: number): Work<JournalEntry[]> {
  const found = yield* rows<Stored>(
    'SELECT seq, id, event, chat, timestamp, data FROM events WHERE session = ? AND seq > ? ORDER BY seq LIMIT ?',
    session,
    seq,
    limit,
  )
  return found.map((stored) => ({ ...stored, data: JSON.parse(stored.data) }))
}

/** The newest event's `seq`, 0 when there is none. */
export function* newest(session: string): Work<number> {
  const found = yield* row<{ seq: number | null }>('SELECT max(seq) AS seq FROM events WHERE session = ?', session)
  return found?.seq ?? 0
}
