import { chatKind } from './chat-id.ts'
import { onTheWall, steadyNow } from './clock.ts'
import { invalid } from './errors.ts'
import type { OutgoingMessage } from './shared.ts'
import * as history from './stores/sql/history.ts'
import * as rows from './stores/sql/outbox.ts'
import type { Work } from './stores/store.ts'

/** How much one account may send before messages have to wait. What is over a limit waits; it is never dropped. */
export interface Limits {
  /** How many people an account may write to for the first time, in any 24 h. */
  newChatsPerDay?: number
  /** How many messages may go to one person or group, in any hour. */
  messagesPerChatPerHour?: number
}

/** What holds a message up, as it is shown. */
export type Waits = Pick<OutgoingMessage, 'waitsFor' | 'waitsUntil'>

const HOUR_MS = 60 * 60_000
const DAY_MS = 24 * HOUR_MS

/** @throws INVALID_INPUT */
export function assertLimits(limits: Limits): void {
  for (const [name, value] of Object.entries(limits)) {
    const isFine = value === undefined || (Number.isSafeInteger(value) && value >= 1)
    if (!isFine) throw invalid(`limits.${name}`, 'must be a whole number from 1 on.')
  }
}

/**
 * Which limit holds up what would go to `chat` now, by what was sent: the same in the next process. `opening` are chats
 * that are being opened at this moment.
 */
export function* limitOn(session: string, chat: string, limits: Limits, opening = 0): Work<Waits | undefined> {
  const now = steadyNow()
  const { newChatsPerDay, messagesPerChatPerHour } = limits
  if (messagesPerChatPerHour !== undefined) {
    const times = yield* rows.sentTo(session, chat, now - HOUR_MS, messagesPerChatPerHour)
    const oldest = times[messagesPerChatPerHour - 1]
    if (oldest !== undefined)
      return { waitsFor: 'recipient_limit', waitsUntil: onTheWall(Math.min(oldest, now) + HOUR_MS) }
  }
  if (newChatsPerDay !== undefined && (yield* isNewChat(session, chat))) {
    const times = yield* rows.opened(session, now - DAY_MS, newChatsPerDay)
    if (times.length + opening < newChatsPerDay) return undefined
    // While others are being opened it is not known yet when the last of them was.
    const oldest = times[newChatsPerDay - 1]
    const until = oldest === undefined ? now + SOON_MS : Math.min(oldest, now) + DAY_MS
    return { waitsFor: 'new_chat_limit', waitsUntil: onTheWall(until) }
  }
  return undefined
}

const SOON_MS = 5_000

/** Whether nothing was ever said between the account and this person. Groups are not new. */
export function* isNewChat(session: string, chat: string): Work<boolean> {
  const kind = chatKind(chat)
  if (kind !== 'person' && kind !== 'lid') return false
  return (yield* history.countIn(session, chat)) === 0
}
