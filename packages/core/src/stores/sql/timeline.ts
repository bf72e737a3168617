import { row, rows, run, type Work } from '../store.ts'

/** When a message of the outbox got how far, in columns of its row; null: not yet, or not at all. */
export interface Times {
  onWireAt: number | null
  /** When it became what it is now: sent, failed, expired or cancelled. */
  settledAt: number | null
  deliveredAt: number | null
  readAt: number | null
  playedAt: number | null
}

interface Stored {
  on_wire_at: number | null
  settled_at: number | null
  delivered_at: number | null
  read_at: number | null
  played_at: number | null
}

export function* timesOf(session: string, id: string): Work<Times | undefined> {
  const found = yield* row<Stored>(
    'SELECT on_wire_at, settled_at, delivered_at, read_at, played_at FROM outbox WHERE session = ? AND id = ?',
    session,
    id,
  )
  return (
    found && {
      onWireAt: found.on_wire_at,
      settledAt: found.settled_at,
      deliveredAt: found.delivered_at,
      readAt: found.read_at,
      playedAt: found.played_at,
    }
  )
}

/** `onWireAt` is null for what was never on the wire. */
export function* settled(session: string, id: string, settledAt: number, onWireAt: number | null): Work<void> {
  yield* run(
    'UPDATE outbox SET settled_at = ?, on_wire_at = ? WHERE session = ? AND id = ?',
    settledAt,
    onWireAt,
    session,
    id,
  )
}

/** The recipient has it, or has read or played it: the first time counts. */
export function* reached(session: string, id: string, step: 'delivered' | 'read' | 'played', at: number): Work<void> {
  yield* run(`UPDATE outbox SET ${step}_at = ? WHERE session = ? AND id = ? AND ${step}_at IS NULL`, at, session, id)
}

export interface Stalled {
  id: string
  chat: string
  acceptedAt: number
}

/**
 * Marks what waits although its deadline is `deadline` or earlier, and returns what was not marked before. Messages of
 * a batch have time as long as anything of the session moved after `since`, and all the time while the batch is paused.
 */
export function* stall(session: string, deadline: number, since: number, now: number): Work<Stalled[]> {
  const found = yield* rows<{ id: string; chat: string; accepted_at: number; n: number }>(
    `UPDATE outbox SET stalled_at = ? WHERE session = ? AND state = 'queued' AND stalled_at IS NULL AND deadline <= ?
      AND (batch IS NULL OR (
        NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.session = ? AND o.settled_at > ?)
        AND NOT EXISTS (SELECT 1 FROM batches AS b WHERE b.session = ? AND b.batch = outbox.batch AND b.state = 'paused')))
      RETURNING id, chat, accepted_at, n`,
    now,
    session,
    deadline,
    session,
    since,
    session,
  )
  // PostgreSQL returns rows as they lie.
  return found
    .toSorted((a, b) => a.accepted_at - b.accepted_at || a.n - b.n)
    .map(({ id, chat, accepted_at }) => ({ id, chat, acceptedAt: accepted_at }))
}
