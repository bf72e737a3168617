import { row, rows, run, type Work } from '../store.ts'

/**
 * One event for one webhook, until it is delivered: then the row goes. Those of one chat follow each other; `chat` is
 * `""` for events that belong to none.
 */
export interface DeliveryRow {
  session: string
  seq: number
  chat: string
  attempts: number
  nextAt: number
}

interface Stored {
  session: string
  seq: number
  chat: string
  attempts: number
  next_at: number
}

/** What is owed to one chat of a session, in its order. */
export interface ChatQueue {
  session: string
  chat: string
}

const COLUMNS = 'session, seq, chat, attempts, next_at'

const read = ({ next_at, ...rest }: Stored): DeliveryRow => ({ ...rest, nextAt: next_at })

export function* add(session: string, seq: number, chat: string, nextAt: number): Work<void> {
  yield* run(
    `INSERT INTO deliveries (session, seq, chat, state, attempts, next_at, error) VALUES (?, ?, ?, 'pending', 0, ?, NULL)`,
    session,
    seq,
    chat,
    nextAt,
  )
}

/** Every (session, chat) that has something to deliver. */
export function* queues(): Work<ChatQueue[]> {
  return yield* rows<ChatQueue>(`SELECT DISTINCT session, chat FROM deliveries WHERE state = 'pending'`)
}

/** What has to be delivered before anything else of this chat. */
export function* head({ session, chat }: ChatQueue): Work<DeliveryRow | undefined> {
  const stored = yield* row<Stored>(
    `SELECT ${COLUMNS} FROM deliveries WHERE session = ? AND chat = ? AND state = 'pending' ORDER BY seq LIMIT 1`,
    session,
    chat,
  )
  return stored && read(stored)
}

export function* done(session: string, seq: number): Work<void> {
  yield* run('DELETE FROM deliveries WHERE session = ? AND seq = ?', session, seq)
}

export function* retry(session: string, seq: number, nextAt: number, error: string): Work<void> {
  yield* run(
    'UPDATE deliveries SET attempts = attempts + 1, next_at = ?, error = ? WHERE session = ? AND seq = ?',
    nextAt,
    error,
    session,
    seq,
  )
}

/** Given up. The row is kept for a while, so that one can see what was missed. */
export function* bury(session: string, seq: number, at: number, error: string): Work<void> {
  yield* run(
    `UPDATE deliveries SET state = 'dead', attempts = attempts + 1, next_at = ?, error = ? WHERE session = ? AND seq = ?`,
    at,
    error,
    session,
    seq,
  )
}

/** Everything that waits is due: the URL behind it has changed. */
export function* hurry(session: string, at: number): Work<void> {
  yield* run(
    `UPDATE deliveries SET next_at = ? WHERE session = ? AND state = 'pending' AND next_at > ?`,
    at,
    session,
    at,
  )
}

export function* removeAll(session: string): Work<void> {
  yield* run('DELETE FROM deliveries WHERE session = ?', session)
}

/** Forgets what was given up before `at`. */
export function* prune(at: number): Work<void> {
  yield* run(`DELETE FROM deliveries WHERE state = 'dead' AND next_at < ?`, at)
}
