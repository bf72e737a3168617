import { SEND_DEADLINE_MS } from './options.ts'
import type { Priority } from './shared.ts'
import * as rows from './stores/sql/outbox.ts'
import type { Work } from './stores/store.ts'
import type { Relay } from './whatsapp/relay.ts'

/** A message that is to be sent. */
export interface NewEntry {
  id: string
  chat: string
  phone: string
  body: Uint8Array
  /** What goes beside it each time it is sent. */
  relay?: Relay
  batch?: { id: string; index: number }
  /** Not before this time. */
  sendAt?: number
  /** Default: `normal`, and `low` in a batch. */
  priority?: Priority
  /** The recipient sees somebody type first. Default: not. */
  typing?: boolean
}

/** Writes messages down, in order. From here on they survive everything but their deadline. */
export function* acceptAll(
  session: string,
  account: string,
  entries: readonly NewEntry[],
  now: number,
): Work<rows.OutboxEntry[]> {
  const accepted: rows.OutboxEntry[] = []
  for (const { id, chat, phone, body, relay = {}, batch, typing = false, ...when } of entries) {
    const { sendAt = null, priority = batch ? 'low' : 'normal' } = when
    const what = { id, account, chat, phone, body, relay: JSON.stringify(relay) }
    const place = { batch: batch?.id ?? null, batchIndex: batch?.index ?? null, priority, typing }
    const times = { acceptedAt: now, sendAt, deadline: deadlineOf(sendAt, now) }
    accepted.push(yield* rows.accept(session, { ...what, ...place, ...times }))
  }
  return accepted
}

/** A message has its time from when it may go. */
export const deadlineOf = (sendAt: number | null, now: number): number =>
  Math.max(sendAt ?? now, now) + SEND_DEADLINE_MS
