import { SEND_DEADLINE_MS } from './options.ts'
import type { SendStep } from './shared.ts'
import * as journal from './stores/sql/journal.ts'
import type { OutboxEntry } from './stores/sql/outbox.ts'
import { stall, type Times } from './stores/sql/timeline.ts'
import type { Work } from './stores/store.ts'

/**
 * How a message got as far as it is, the oldest step first. WhatsApp's clock, which counts seconds, says when it was
 * with the server and beyond; no step is shown as earlier than the one before it. Pure.
 */
export function timelineOf(entry: OutboxEntry, times: Times | undefined): SendStep[] {
  const { state, acceptedAt } = entry
  const { onWireAt, settledAt, deliveredAt, readAt, playedAt } = times ?? NO_TIMES
  const end = state === 'queued' ? null : state === 'sent' ? 'server' : state
  const steps: [SendStep['state'] | null, number | null][] = [
    ['queued', acceptedAt],
    ['on_wire', onWireAt],
    // Rows of before there were timelines do not say when.
    [end, end === 'server' ? (settledAt ?? acceptedAt) : settledAt],
    ['delivered', deliveredAt],
    ['read', readAt],
    ['played', playedAt],
  ]
  const timeline: SendStep[] = []
  let last = 0
  for (const [name, at] of steps) {
    if (name === null || at === null) continue
    last = Math.max(last, at)
    timeline.push({ state: name, at: last })
  }
  return timeline
}

const NO_TIMES: Times = { onWireAt: null, settledAt: null, deliveredAt: null, readAt: null, playedAt: null }

/**
 * Tells of what waits for longer than `afterMs` since it could have gone, each message once; says whether there was
 * any. `isOnWire` knows what the server has not answered for yet.
 */
export function* tellStalled(
  session: string,
  afterMs: number,
  now: number,
  isOnWire: (id: string) => boolean,
): Work<boolean> {
  // The deadline is counted from when a message could go: when it was accepted, or its batch went on.
  const stalled = yield* stall(session, now - afterMs + SEND_DEADLINE_MS, now - afterMs, now)
  for (const { id, chat, acceptedAt } of stalled) {
    const data = { id, chatId: chat, state: isOnWire(id) ? 'on_wire' : 'queued', acceptedAt, timestamp: now } as const
    yield* journal.append(session, 'message_stalled', chat, now, data)
  }
  return stalled.length > 0
}
