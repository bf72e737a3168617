import type { JournalEvents } from '../../shared.ts'
import { rows, run, type Value, type Work } from '../store.ts'
import type { DeliveryState } from './deliveries.ts'

/** Which events a webhook is to be told of once more. Everything that is given must be true of an event. */
export interface Selection {
  /** After this `seq`. */
  after: number
  /** Up to this `seq`: what is not a delivery yet will be one anyway. */
  last: number
  /** Happened at this time or later, in ms since the epoch. */
  since?: number
  /** Happened before this time. */
  until?: number
  events?: readonly (keyof JournalEvents)[] | null
  /** Those whose delivery is in this state. */
  state?: DeliveryState
}

const AGAIN = `state = 'pending', attempts = 0, failed_at = NULL, is_early = 0`

/** These deliveries begin anew. Those that there are not are left out. */
export function* redeliver(session: string, webhook: string, eventIds: readonly string[], at: number): Work<void> {
  yield* run(
    `UPDATE deliveries SET ${AGAIN}, asked = asked + 1, next_at = ?
      WHERE session = ? AND webhook = ? AND event_id IN (${listOf(eventIds)})`,
    at,
    session,
    webhook,
    ...eventIds,
  )
}

/** Which of these the webhook has no delivery of, or whose event is no longer in the journal. */
export function* missing(
  session: string,
  webhook: string,
  eventIds: readonly string[],
): Work<{ unknown: string[]; pruned: string[] }> {
  const found = yield* rows<{ id: string; kept: number | null }>(
    `SELECT d.event_id AS id, e.seq AS kept FROM deliveries d
      LEFT JOIN events e ON e.session = d.session AND e.seq = d.seq
      WHERE d.session = ? AND d.webhook = ? AND d.event_id IN (${listOf(eventIds)})`,
    session,
    webhook,
    ...eventIds,
  )
  const known = new Map(found.map(({ id, kept }) => [id, kept]))
  return {
    unknown: eventIds.filter((id) => !known.has(id)),
    pruned: eventIds.filter((id) => known.get(id) === null),
  }
}

/**
 * The first `limit` events of a selection become deliveries, or begin anew where they are. Answers how many they were,
 * and the `seq` of the last, after which the next page begins.
 */
export function* replay(
  session: string,
  webhook: string,
  selection: Selection,
  { limit, at }: { limit: number; at: number },
): Work<{ count: number; last: number }> {
  const { where, values } = whereOf(session, webhook, selection)
  const page = yield* rows<{ seq: number }>(
    `SELECT seq FROM events WHERE ${where} ORDER BY seq LIMIT ?`,
    ...values,
    limit,
  )
  const last = page.at(-1)?.seq ?? selection.last
  if (page.length === 0) return { count: 0, last }
  yield* run(
    `INSERT INTO deliveries
        (session, webhook, seq, event_id, event, chat, state, attempts, next_at, failed_at, asked, is_early, log)
      SELECT session, ?, seq, id, event, coalesce(chat, ''), 'pending', 0, ?, NULL, 0, 0, '[]' FROM events
        WHERE ${where} AND seq <= ?
      ON CONFLICT (session, webhook, seq) DO UPDATE SET ${AGAIN}, asked = deliveries.asked + 1, next_at = excluded.next_at`,
    webhook,
    at,
    ...values,
    last,
  )
  return { count: page.length, last }
}

function whereOf(session: string, webhook: string, selection: Selection): { where: string; values: Value[] } {
  const { after, last, since, until, events, state } = selection
  const terms: [sql: string, values: Value[]][] = [['session = ? AND seq > ? AND seq <= ?', [session, after, last]]]
  if (since !== undefined) terms.push(['timestamp >= ?', [since]])
  if (until !== undefined) terms.push(['timestamp < ?', [until]])
  // No event at all is none: an empty list is not SQL.
  if (events) terms.push(events.length === 0 ? ['1 = 0', []] : [`event IN (${listOf(events)})`, [...events]])
  if (state !== undefined) {
    const seqs = 'SELECT d.seq FROM deliveries d WHERE d.session = ? AND d.webhook = ? AND d.state = ?'
    terms.push([`seq IN (${seqs})`, [session, webhook, state]])
  }
  return { where: terms.map(([sql]) => sql).join(' AND '), values: terms.flatMap(([, values]) => values) }
}

const listOf = (values: readonly unknown[]) => values.map(() => '?').join(', ')
