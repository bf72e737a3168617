import { type Limits, limitOn, type Waits } from './limits.ts'
import { restrictionOn } from './restriction.ts'
import * as batches from './stores/sql/batches.ts'
import type { OutboxEntry } from './stores/sql/outbox.ts'
import type { Work } from './stores/store.ts'

export const NOTHING: Waits = { waitsFor: null, waitsUntil: null }

/** What holds a message up, by what is on disk: the same before a restart and after it. */
export function* waitsOf(session: string, entry: OutboxEntry, now: number, limits: Limits): Work<Waits> {
  if (entry.state !== 'queued') return NOTHING
  if (entry.batch !== null && (yield* batches.stateOf(session, entry.batch)) === 'paused') {
    return { waitsFor: 'batch', waitsUntil: null }
  }
  if (entry.sendAt !== null && entry.sendAt > now) return { waitsFor: 'send_at', waitsUntil: entry.sendAt }
  if (entry.retryAt !== null && entry.retryAt > now) return { waitsFor: 'next_try', waitsUntil: entry.retryAt }
  const restricted = yield* restrictionOn(session, entry.account, entry.chat, now)
  return restricted ?? (yield* limitOn(session, entry.chat, limits)) ?? NOTHING
}
