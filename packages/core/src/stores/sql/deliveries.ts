import type { JournalEvents } from '../../shared.ts'
import { row, rows, run, type Work } from '../store.ts'
import type { JournalEntry } from './journal.ts'

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
  eventId: string
  event: keyof JournalEvents
  chat: string
  state: DeliveryState
  /** How many of the schedule's attempts have failed. */
  attempts: number
  /** When the next attempt is due; of one that is done or dead, when that was. By the clock that nobody can set. */
  nextAt: number
  /** When it first failed, by that clock too. */
  failedAt: number | null
  /** How often somebody asked for it again: an attempt that began before says nothing about what was asked for. */
  asked: number
  /** To be tried before it is due: the receiver took something else that it had refused. Such a try is not counted. */
  isEarly: boolean
  /** The newest attempts, the oldest of them first. */
  log: Attempt[]
}

interface Stored {
  session: string
  webhook: string
  seq: number
  event_id: string
  event: keyof JournalEvents
  chat: string
  state: DeliveryState
  attempts: number
  next_at: number
  failed_at: number | null
  asked: number
  is_early: number
  log: string
}

/** What is owed to one webhook for one chat, in its order. */
export interface ChatQueue {
  session: string
  webhook: string
  chat: string
}

const COLUMNS =
  'session, webhook, seq, event_id, event, chat, state, attempts, next_at, failed_at, asked, is_early, log'
/** The schedule has ten; whoever redelivers by hand sees those before, too. */
const LOGGED = 20

const read = ({ event_id, next_at, failed_at, is_early, log, ...rest }: Stored): DeliveryRow => ({
  ...rest,
  eventId: event_id,
  nextAt: next_at,
  failedAt: failed_at,
  isEarly: is_early === 1,
  log: JSON.parse(log),
})

export function* add(
  { session, webhook, chat }: ChatQueue,
  { seq, id, event }: Pick<JournalEntry, 'seq' | 'id' | 'event'>,
  nextAt: number,
): Work<void> {
  yield* run(
    `INSERT INTO deliveries (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, 'pending', 0, ?, NULL, 0, 0, '[]')`,
    session,
    webhook,
    seq,
    id,
    event,
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

/** Every chat for which this webhook has something to deliver. */
export function* queuesOf(session: string, webhook: string): Work<ChatQueue[]> {
  return yield* rows<ChatQueue>(
    `SELECT DISTINCT session, webhook, chat FROM deliveries WHERE session = ? AND webhook = ? AND state = 'pending'`,
    session,
    webhook,
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

export function* byEvent(session: string, webhook: string, eventId: string): Work<DeliveryRow | undefined> {
  const stored = yield* row<Stored>(
    `SELECT ${COLUMNS} FROM deliveries WHERE session = ? AND webhook = ? AND event_id = ?`,
    session,
    webhook,
    eventId,
  )
  return stored && read(stored)
}

/** Those of a webhook with a `seq` before this one, the newest first. */
export function* list(
  session: string,
  webhook: string,
  { before, limit, state }: { before: number; limit: number; state?: DeliveryState },
): Work<DeliveryRow[]> {
  const found = yield* rows<Stored>(
    `SELECT ${COLUMNS} FROM deliveries WHERE session = ? AND webhook = ? AND seq < ?
      ${state === undefined ? '' : 'AND state = ?'} ORDER BY seq DESC LIMIT ?`,
    session,
    webhook,
    before,
    ...(state === undefined ? [] : [state]),
    limit,
  )
  return found.map(read)
}

/** The oldest that is owed to a chat. */
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

/** How long things may wait. */
export interface Patience {
  now: number
  /** How long one that fails holds what follows it. */
  holdMs: number
  /** A wait that is longer than this was made by a clock that was set back. */
  longestMs: number
}

export interface Next {
  head: DeliveryRow
  /** What is to be tried now: the head, or what has waited long enough for those before it. */
  due: DeliveryRow | undefined
  /** When to look again, when nothing is. */
  lookAt: number
}

/**
 * What is to be delivered next for a chat; undefined when nothing is owed. One that fails holds what follows it until
 * `holdMs` after its first failure; then they go in their own time, the oldest of those that are due first.
 */
export function* next(queue: ChatQueue, { now, holdMs, longestMs }: Patience): Work<Next | undefined> {
  const first = yield* head(queue)
  if (!first) return undefined
  const isDue = first.isEarly || first.nextAt <= now || first.nextAt > now + longestMs
  if (isDue) return { head: first, due: first, lookAt: now }
  const { session, webhook, chat } = queue
  const owed = `FROM deliveries WHERE session = ? AND webhook = ? AND chat = ? AND state = 'pending'`
  const of = [session, webhook, chat]
  // A failure in the future is one of before a clock was set back.
  const holder = yield* row<Stored>(
    `SELECT ${COLUMNS} ${owed} AND (failed_at IS NULL OR failed_at BETWEEN ? AND ?) ORDER BY seq LIMIT 1`,
    ...of,
    now - holdMs + 1,
    now + holdMs,
  )
  const last = holder?.seq ?? Number.MAX_SAFE_INTEGER
  const due = yield* row<Stored>(
    `SELECT ${COLUMNS} ${owed} AND seq <= ? AND (is_early = 1 OR next_at <= ? OR next_at > ?) ORDER BY seq LIMIT 1`,
    ...of,
    last,
    now,
    now + longestMs,
  )
  if (due) return { head: first, due: read(due), lookAt: now }
  const soonest = yield* row<{ at: number | null }>(`SELECT min(next_at) AS at ${owed} AND seq <= ?`, ...of, last)
  // Its hold matters to what comes after it, and only then.
  const held = yield* row<{ one: number }>(`SELECT 1 AS one ${owed} AND seq > ? LIMIT 1`, ...of, last)
  const freedAt = holder?.failed_at == null || !held ? Number.MAX_SAFE_INTEGER : holder.failed_at + holdMs
  return { head: first, due: undefined, lookAt: Math.min(soonest?.at ?? first.nextAt, freedAt) }
}

/**
 * An attempt was made. `state`, `attempts` and `nextAt` are what follows from it, unless the delivery is gone or was
 * asked for again meanwhile: then false, and only the log grows.
 */
export function* settle(
  delivery: DeliveryRow,
  { state, attempts, nextAt, failedAt }: Pick<DeliveryRow, 'state' | 'attempts' | 'nextAt' | 'failedAt'>,
  attempt: Attempt,
): Work<boolean> {
  const { session, webhook, seq } = delivery
  const current = yield* get(session, webhook, seq)
  if (!current) return false
  const log = JSON.stringify([...current.log, attempt].slice(-LOGGED))
  const isCurrent = current.asked === delivery.asked
  yield* run(
    `UPDATE deliveries SET state = ?, attempts = ?, next_at = ?, failed_at = ?, is_early = 0, log = ?
      WHERE session = ? AND webhook = ? AND seq = ?`,
    isCurrent ? state : current.state,
    isCurrent ? attempts : current.attempts,
    isCurrent ? nextAt : current.nextAt,
    isCurrent ? failedAt : current.failedAt,
    log,
    session,
    webhook,
    seq,
  )
  return isCurrent
}

/** What of a chat has failed is tried once more before it is due. */
export function* retryEarly({ session, webhook, chat }: ChatQueue): Work<void> {
  yield* run(
    `UPDATE deliveries SET is_early = 1
      WHERE session = ? AND webhook = ? AND chat = ? AND state = 'pending' AND failed_at IS NOT NULL`,
    session,
    webhook,
    chat,
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
