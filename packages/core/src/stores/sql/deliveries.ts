import { row, rows, run, type Work } from '../store.ts'

/** How one attempt went. `status` is what the receiver answered, null when it did not. */
export interface Attempt {
  /** When it began, in ms since the epoch. */
  at: number
  durationMs: number
  status: number | null
  /** Null when it worked. */
  error: string | null
}

export type DeliveryState = 'pending' | 'done' | 'dead'

/** One event for one webhook. Those of one chat follow each other; `chat` is `""` for events that belong to none. */
export interface DeliveryRow {
  session: string
  webhook: string
  seq: number
  chat: string
  state: DeliveryState
  /** How many of the schedule's attempts have failed. */
  attempts: number
  /** When the next attempt is due; of one that is done or dead, when that was. */
  nextAt: number
  /** When it first failed, in ms since the epoch. */
  failedAt: number | null
  /** The newest attempts, the oldest of them first. */
  log: Attempt[]
}

interface Stored {
  session: string
  webhook: string
  seq: number
  chat: string
  state: DeliveryState
  attempts: number
  next_at: number
  failed_at: number | null
  log: string
}

/** What is owed to one webhook for one chat, in its order. */
export interface ChatQueue {
  session: string
  webhook: string
  chat: string
}

const COLUMNS = 'session, webhook, seq, chat, state, attempts, next_at, failed_at, log'
/** The schedule has ten; whoever redelivers by hand sees those before, too. */
const LOGGED = 20

const read = ({ next_at, failed_at, log, ...rest }: Stored): DeliveryRow => ({
  ...rest,
  nextAt: next_at,
  failedAt: failed_at,
  log: JSON.parse(log),
})

export function* add({ session, webhook, chat }: ChatQueue, seq: number, nextAt: number): Work<void> {
  yield* run(
    `INSERT INTO deliveries (${COLUMNS}) VALUES (?, ?, ?, ?, 'pending', 0, ?, NULL, '[]')`,
    session,
    webhook,
    seq,
    chat,
    nextAt,
  )
}

/** Every chat for which a webhook that is enabled has something to deliver. */
export function* queues(): Work<ChatQueue[]> {
  return yield* rows<ChatQueue>(
    `SELECT DISTINCT d.session, d.webhook, d.chat FROM deliveries d
      JOIN webhooks w ON w.session = d.session AND w.id = d.webhook WHERE d.state = 'pending' AND w.enabled = 1`,
  )
}

export function* get(session: string, webhook: string, seq: number): Work<DeliveryRow | undefined> {
  const stored = yield* row<Stored>(
    `SELECT ${COLUMNS} FROM deliveries WHERE session = ? AND webhook = ? AND seq = ?`,
    session,
    webhook,
    seq,
  )
  return stored && read(stored)
}

/** What has to be delivered before anything else of this chat. */
export function* head({ session, webhook, chat }: ChatQueue): Work<DeliveryRow | undefined> {
  const stored = yield* row<Stored>(
    `SELECT ${COLUMNS} FROM deliveries WHERE session = ? AND webhook = ? AND chat = ? AND state = 'pending'
      ORDER BY seq LIMIT 1`,
    session,
    webhook,
    chat,
  )
  return stored && read(stored)
}

/** An attempt was made. `state`, `attempts` and `nextAt` are what follows from it. */
export function* settle(
  delivery: DeliveryRow,
  { state, attempts, nextAt, failedAt }: Pick<DeliveryRow, 'state' | 'attempts' | 'nextAt' | 'failedAt'>,
  attempt: Attempt,
): Work<void> {
  const log = [...delivery.log, attempt].slice(-LOGGED)
  yield* run(
    `UPDATE deliveries SET state = ?, attempts = ?, next_at = ?, failed_at = ?, log = ?
      WHERE session = ? AND webhook = ? AND seq = ?`,
    state,
    attempts,
    nextAt,
    failedAt,
    JSON.stringify(log),
    delivery.session,
    delivery.webhook,
    delivery.seq,
  )
}

/** Everything that waits is due: what was in its way is gone. */
export function* hurry(session: string, webhook: string, at: number): Work<void> {
  yield* run(
    `UPDATE deliveries SET next_at = ? WHERE session = ? AND webhook = ? AND state = 'pending' AND next_at > ?`,
    at,
    session,
    webhook,
    at,
  )
}

export function* removeAll(session: string, webhook: string): Work<void> {
  yield* run('DELETE FROM deliveries WHERE session = ? AND webhook = ?', session, webhook)
}

/** Forgets what was given up before `deadBefore` and what was delivered before `doneBefore`. */
export function* prune(deadBefore: number, doneBefore: number): Work<void> {
  yield* run(`DELETE FROM deliveries WHERE state = 'dead' AND next_at < ?`, deadBefore)
  yield* run(`DELETE FROM deliveries WHERE state = 'done' AND next_at < ?`, doneBefore)
}
