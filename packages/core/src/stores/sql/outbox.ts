import { steadyNow } from '../../clock.ts'
import type { MessageFailed, Priority } from '../../shared.ts'
import { row, rows, run, type Work } from '../store.ts'

/** Messages that were accepted. A row stays after it is settled: retry receipts and batches ask for it. */
export interface OutboxEntry {
  id: string
  /** Its place in the order of acceptance. */
  n: number
  /** The phone of the account that it was accepted for. */
  account: string
  chat: string
  /** As the answer shows it. */
  phone: string
  batch: string | null
  batchIndex: number | null
  /** The final protobuf: it is never generated again, or a resend would be another message. */
  body: Uint8Array
  /** What goes beside the protobuf on every resend, as JSON. */
  relay: string
  state: OutboxState
  ack: number
  code: MessageFailed['code'] | null
  acceptedAt: number
  deadline: number
  /** Not before this time; null: at once. */
  sendAt: number | null
  priority: Priority
  /** The recipient sees somebody type first. */
  typing: boolean
  /** It was refused once because of the recipients' devices: it goes to those that there are now, and only once. */
  asksForDevices: boolean
  /** How often it was tried and could not go. */
  tries: number
  /** It is tried again then; null: it was not tried yet. */
  retryAt: number | null
}

export type OutboxState = 'queued' | 'sent' | 'failed' | 'expired' | 'cancelled'

interface Stored {
  id: string
  n: number
  account: string
  chat: string
  phone: string
  batch: string | null
  batch_index: number | null
  body: Uint8Array
  relay: string
  state: OutboxState
  ack: number
  code: MessageFailed['code'] | null
  accepted_at: number
  deadline: number
  send_at: number | null
  priority: Priority
  typing: number
  asks_for_devices: number
  tries: number
  retry_at: number | null
}

const COLUMNS =
  'id, n, account, chat, phone, batch, batch_index, body, relay, state, ack, code, accepted_at, deadline, send_at, priority, typing, asks_for_devices, tries, retry_at'

const read = ({
  batch_index,
  accepted_at,
  send_at,
  typing,
  asks_for_devices,
  retry_at,
  ...rest
}: Stored): OutboxEntry => ({
  ...rest,
  batchIndex: batch_index,
  acceptedAt: accepted_at,
  sendAt: send_at,
  typing: typing === 1,
  asksForDevices: asks_for_devices === 1,
  retryAt: retry_at,
})

export function* accept(
  session: string,
  entry: Omit<OutboxEntry, 'n' | 'state' | 'ack' | 'code' | 'asksForDevices' | 'tries' | 'retryAt'>,
): Work<OutboxEntry> {
  const [stored] = yield* rows<Stored>(
    `INSERT INTO outbox (session, id, n, account, chat, phone, batch, batch_index, body, relay, state, ack, code, accepted_at, deadline, send_at, priority, typing)
      VALUES (?, ?, coalesce((SELECT max(n) FROM outbox WHERE session = ?), 0) + 1, ?, ?, ?, ?, ?, ?, ?, 'queued', 0, NULL, ?, ?, ?, ?, ?)
      RETURNING ${COLUMNS}`,
    session,
    entry.id,
    session,
    entry.account,
    entry.chat,
    entry.phone,
    entry.batch,
    entry.batchIndex,
    entry.body,
    entry.relay,
    entry.acceptedAt,
    entry.deadline,
    entry.sendAt,
    entry.priority,
    entry.typing ? 1 : 0,
  )
  if (!stored) throw new Error('The database returned no row for an accepted message.')
  return read(stored)
}

/** What was accepted and neither sent nor given up, in order. */
export function* unsettled(session: string): Work<OutboxEntry[]> {
  const found = yield* rows<Stored>(
    `SELECT ${COLUMNS} FROM outbox WHERE session = ? AND state = 'queued' ORDER BY n`,
    session,
  )
  return found.map(read)
}

export function* byId(session: string, id: string): Work<OutboxEntry | undefined> {
  const found = yield* row<Stored>(`SELECT ${COLUMNS} FROM outbox WHERE session = ? AND id = ?`, session, id)
  return found && read(found)
}

export function* ofBatch(session: string, batch: string): Work<OutboxEntry[]> {
  const found = yield* rows<Stored>(
    `SELECT ${COLUMNS} FROM outbox WHERE session = ? AND batch = ? ORDER BY batch_index`,
    session,
    batch,
  )
  return found.map(read)
}

/** Settles an entry that waits; false when it was settled before. */
export function* settle(
  session: string,
  id: string,
  state: OutboxState,
  code: MessageFailed['code'] | null,
): Work<boolean> {
  const settled = yield* rows(
    "UPDATE outbox SET state = ?, code = ?, done_at = ? WHERE session = ? AND id = ? AND state = 'queued' RETURNING n",
    state,
    code,
    steadyNow(),
    session,
    id,
  )
  return settled.length > 0
}

/** Gives what waits of a batch `ms` again, from now on or from when it may go. */
export function* extend(session: string, batch: string, now: number, ms: number): Work<void> {
  yield* run(
    `UPDATE outbox SET deadline = CASE WHEN send_at > ? THEN send_at ELSE ? END + ?
      WHERE session = ? AND batch = ? AND state = 'queued'`,
    now,
    now,
    ms,
    session,
    batch,
  )
}

/** Notes that a message was refused because of the recipients' devices. */
export function* setAsksForDevices(session: string, id: string): Work<void> {
  yield* run('UPDATE outbox SET asks_for_devices = 1 WHERE session = ? AND id = ?', session, id)
}

/** Notes that a message could not go, and when it is tried again. */
export function* setTried(session: string, id: string, tries: number, retryAt: number): Work<void> {
  yield* run('UPDATE outbox SET tries = ?, retry_at = ? WHERE session = ? AND id = ?', tries, retryAt, session, id)
}

/** Notes that a message was the first of its chat. */
export function* setOpened(session: string, id: string): Work<void> {
  yield* run('UPDATE outbox SET opened = 1 WHERE session = ? AND id = ?', session, id)
}

/** When the last `limit` messages after `since` were sent to a chat, the newest first. */
export function* sentTo(session: string, chat: string, since: number, limit: number): Work<number[]> {
  const found = yield* rows<{ at: number }>(
    `SELECT done_at AS at FROM outbox WHERE session = ? AND chat = ? AND state = 'sent' AND done_at > ?
      ORDER BY done_at DESC LIMIT ?`,
    session,
    chat,
    since,
    limit,
  )
  return found.map(({ at }) => at)
}

/** When the last `limit` chats after `since` were opened, the newest first. */
export function* opened(session: string, since: number, limit: number): Work<number[]> {
  const found = yield* rows<{ at: number }>(
    'SELECT done_at AS at FROM outbox WHERE session = ? AND opened = 1 AND done_at > ? ORDER BY done_at DESC LIMIT ?',
    session,
    since,
    limit,
  )
  return found.map(({ at }) => at)
}

/** When the last message was sent, or null. */
export function* lastSentAt(session: string): Work<number | null> {
  const sql = "SELECT max(done_at) AS at FROM outbox WHERE session = ? AND state = 'sent'"
  return (yield* row<{ at: number | null }>(sql, session))?.at ?? null
}

/** A clock that was set back: what was sent in the future was sent now, which shortens no limit and prolongs none much. */
export function* notLaterThan(session: string, now: number): Work<void> {
  yield* run('UPDATE outbox SET done_at = ? WHERE session = ? AND done_at > ?', now, session, now)
}

/** Gives what waits for a chat until `deadline`, unless it has about as long anyway. */
export function* prolong(session: string, chat: string, deadline: number, enough: number): Work<void> {
  yield* run(
    "UPDATE outbox SET deadline = ? WHERE session = ? AND chat = ? AND state = 'queued' AND deadline < ?",
    deadline,
    session,
    chat,
    enough,
  )
}

/** What was settled before `keptSince` goes, batches as a whole. */
export function* dropOld(keptSince: number): Work<void> {
  yield* run(
    `DELETE FROM outbox WHERE state <> 'queued' AND done_at <= ? AND (batch IS NULL OR NOT EXISTS (
      SELECT 1 FROM outbox o WHERE o.session = outbox.session AND o.batch = outbox.batch
        AND (o.state = 'queued' OR o.done_at > ?)))`,
    keptSince,
    keptSince,
  )
  yield* run(
    `DELETE FROM batches WHERE NOT EXISTS (
      SELECT 1 FROM outbox o WHERE o.session = batches.session AND o.batch = batches.batch)`,
  )
}

/** Raises how far the message is known to have got; false when it was that far, or is not here. */
export function* raiseAck(session: string, id: string, ack: number): Work<boolean> {
  const raised = yield* rows(
    'UPDATE outbox SET ack = ? WHERE session = ? AND id = ? AND ack < ? RETURNING n',
    ack,
    session,
    id,
    ack,
  )
  return raised.length > 0
}

/** How many messages wait, and since when the oldest of them could have gone; over all sessions without `session`. */
export function* waiting(session?: string, now = Date.now()): Work<{ count: number; oldestAt: number | null }> {
  const found = yield* row<{ count: number; oldest: number | null }>(
    `SELECT count(*) AS count, min(CASE WHEN send_at IS NULL THEN accepted_at WHEN send_at <= ? THEN send_at END) AS oldest
      FROM outbox WHERE state = 'queued'${session === undefined ? '' : ' AND session = ?'}`,
    now,
    ...(session === undefined ? [] : [session]),
  )
  return { count: found?.count ?? 0, oldestAt: found?.oldest ?? null }
}
