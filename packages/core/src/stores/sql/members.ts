import type { Reached } from '../../shared.ts'
import { rows, run, type Work } from '../store.ts'

/** A member of the group has got so far with a message that was sent to it; never back. */
export function* reached(session: string, id: string, member: string, ack: number): Work<void> {
  yield* run(
    `INSERT INTO members_reached (session, id, member, ack) VALUES (?, ?, ?, ?)
      ON CONFLICT (session, id, member) DO UPDATE SET ack = excluded.ack WHERE members_reached.ack < excluded.ack`,
    session,
    id,
    member,
    ack,
  )
}

export function* countReached(session: string, id: string): Work<Reached> {
  const found = yield* rows<{ ack: number; count: number }>(
    'SELECT ack, count(*) AS count FROM members_reached WHERE session = ? AND id = ? GROUP BY ack',
    session,
    id,
  )
  const atLeast = (step: number) => found.reduce((sum, { ack, count }) => (ack >= step ? sum + count : sum), 0)
  return { delivered: atLeast(2), read: atLeast(3), played: atLeast(4) }
}

/** Of messages that are forgotten. */
export function* dropForgotten(): Work<void> {
  yield* run(
    `DELETE FROM members_reached WHERE NOT EXISTS (
      SELECT 1 FROM outbox o WHERE o.session = members_reached.session AND o.id = members_reached.id)`,
  )
}
