import { isNewChat, type Waits } from './limits.ts'
import * as journal from './stores/sql/journal.ts'
import { dropRestriction, putRestriction, restrictionOf, wasRefused } from './stores/sql/restrictions.ts'
import type { Work } from './stores/store.ts'

/** What WhatsApp says of an account: whether it may begin chats. It may always go on with those that it has. */
export interface Reachout {
  isRestricted: boolean
  /** When that ends, if WhatsApp says so. */
  until: number | null
  reason: string | null
}

/**
 * WhatsApp refused to begin a chat and does not say for how long. Each try may make it longer, so that there is one an
 * hour at most; a restriction that was over before costs an hour, and nothing is dropped.
 */
const UNKNOWN_MS = 60 * 60_000
/** A restriction whose end has come by our clock, and which WhatsApp still speaks of: clocks differ. */
const ANOTHER_MS = 60_000

/** Until when no chats are begun, or null when they are. `reachout` is undefined when WhatsApp did not answer. Pure. */
export function restrictedUntil(reachout: Reachout | undefined, now: number): number | null {
  if (!reachout) return now + UNKNOWN_MS
  if (!reachout.isRestricted) return null
  if (reachout.until === null) return now + UNKNOWN_MS
  return reachout.until > now ? reachout.until : now + ANOTHER_MS
}

/** Writes down what is true now, and tells of it when it was not known. */
export function* restrict(
  session: string,
  account: string,
  until: number | null,
  reason: string | null,
  now: number,
): Work<void> {
  const known = yield* restrictionOf(session, account)
  const isOn = known !== undefined && known.until > now
  if (until === null) {
    if (known) yield* dropRestriction(session)
    if (!isOn) return
  } else {
    yield* putRestriction(session, account, { since: isOn ? known.since : now, until, reason })
    // WhatsApp counts seconds, and what we guess when it does not answer is a guess.
    if (isOn && Math.abs(known.until - until) < ANOTHER_MS && known.reason === reason) return
  }
  yield* journal.append(session, 'account_restricted', null, now, { until, reason, timestamp: now })
}

/**
 * What holds up a message to `chat` because the account may begin no chats: it would begin one, or was taken for that.
 * By what is on disk, so that it is the same in the next process.
 */
export function* restrictionOn(session: string, account: string, chat: string, now: number): Work<Waits | undefined> {
  const known = yield* restrictionOf(session, account)
  if (!known || known.until <= now) return undefined
  const isNew = (yield* isNewChat(session, chat)) || (yield* wasRefused(session, chat, known.since))
  return isNew ? { waitsFor: 'account_restricted', waitsUntil: known.until } : undefined
}
