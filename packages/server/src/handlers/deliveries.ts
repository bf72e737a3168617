import { toWire, type WebhookDelivery } from '@wamux/contract'
import { invalid, WamuxError } from '@wamux/core'
import { type DeliveryRow, deliveries, journal, replays, type Work } from '@wamux/core/stores'
import { type Clock, shownAt } from '../webhooks/clock.ts'
import type { Handler } from './handler.ts'
import { existing } from './webhooks.ts'

/** How many events of a replay become deliveries in one transaction. */
const AT_ONCE = 2_000

/** What webhooks were told, and are told once more. */
export const webhookDeliveries: {
  [N in 'listDeliveries' | 'getDelivery' | 'redeliver' | 'replay']: Handler<N>
} = {
  listDeliveries: async ({ params, query }, { session, services: { store, clock } }) => {
    const { limit = 50, cursor, state } = query
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor)
    if (!Number.isSafeInteger(before) || before < 1) throw invalid('cursor', 'is not the nextCursor of a page')
    const found = await store.read(function* () {
      yield* existing(session().id, params.webhookId)
      return yield* deliveries.list(session().id, params.webhookId, { before, limit, ...(state && { state }) })
    })
    const last = found.at(-1)
    return {
      data: found.map((one) => shown(one, clock)),
      nextCursor: found.length === limit && last ? String(last.seq) : null,
    }
  },

  getDelivery: async ({ params }, { session, services: { store, clock } }) => {
    const { id } = session()
    return store.read(function* () {
      const found = yield* existingDelivery(id, params)
      const [entry] = yield* journal.after(id, found.seq - 1, 1)
      const content = entry?.seq === found.seq ? toWire({ ...entry, sessionId: id }) : null
      return { data: { ...shown(found, clock), attempts: found.log, content } }
    })
  },

  redeliver: async ({ params }, { session, services }) => {
    const { id } = session()
    const { webhookId, eventId } = params
    const again = await services.store.write(function* () {
      yield* existingDelivery(id, params)
      yield* redeliver(id, webhookId, [eventId], services.clock.steady())
      return yield* existingDelivery(id, params)
    })
    await services.webhooks.hurry(id, webhookId)
    return { data: shown(again, services.clock) }
  },

  replay: async ({ params: { webhookId }, body }, { session, services }) => {
    const { store, clock, webhooks } = services
    const { id } = session()
    const { ids, after = 0, ...selection } = body
    let count = 0
    if (ids) {
      const wanted = [...new Set(ids)]
      await store.write(function* () {
        yield* existing(id, webhookId)
        yield* redeliver(id, webhookId, wanted, clock.steady())
      })
      count = wanted.length
    } else {
      // A place in the journal at a time, so that other accounts have theirs in between.
      const events = await store.read(() => bounds(id, webhookId, after, body.events))
      for (let page = { count: AT_ONCE, last: after }; page.count === AT_ONCE; count += page.count) {
        const from = page.last
        page = await store.write(function* () {
          const { cursor } = yield* existing(id, webhookId)
          const chosen = { ...selection, events, after: from, last: cursor }
          return yield* replays.replay(id, webhookId, chosen, { limit: AT_ONCE, at: clock.steady() })
        })
      }
    }
    await webhooks.hurry(id, webhookId)
    return { data: { count } }
  },
}

/** Which events are meant, out of those that the webhook wants. @throws NOT_FOUND, INVALID_INPUT, EVENTS_PRUNED */
function* bounds(session: string, webhook: string, after: number, events?: readonly WebhookDelivery['event'][]) {
  const wanted = (yield* existing(session, webhook)).events
  const { oldest, newest } = yield* journal.bounds(session)
  if (after > newest) throw invalid('after', `is past the newest event, which has the seq ${newest}.`)
  if (after > 0 && after + 1 < oldest) throw pruned(oldest)
  return wanted && events ? wanted.filter((event) => events.includes(event)) : (wanted ?? events ?? null)
}

/** @throws NOT_FOUND, EVENTS_PRUNED, and then nothing is delivered once more */
function* redeliver(session: string, webhook: string, eventIds: readonly string[], at: number): Work<void> {
  const { unknown, pruned: gone } = yield* replays.missing(session, webhook, eventIds)
  if (unknown.length > 0)
    throw new WamuxError('NOT_FOUND', `There is no delivery of ${unknown.slice(0, 5).join(', ')}.`)
  if (gone.length > 0) throw pruned((yield* journal.bounds(session)).oldest)
  yield* replays.redeliver(session, webhook, eventIds, at)
}

function* existingDelivery(session: string, { webhookId, eventId }: { webhookId: string; eventId: string }) {
  yield* existing(session, webhookId)
  const found = yield* deliveries.byEvent(session, webhookId, eventId)
  if (!found) throw new WamuxError('NOT_FOUND', 'The webhook has no such delivery.')
  return found
}

const pruned = (oldest: number) =>
  new WamuxError('EVENTS_PRUNED', `Events up to ${oldest - 1} are no longer kept.`, { oldest })

function shown(row: DeliveryRow, clock: Clock): WebhookDelivery {
  const { eventId, event, seq, chat, state, attempts, failedAt, log } = row
  const nextAt = shownAt(clock, row.nextAt)
  return {
    eventId,
    event,
    seq,
    chatId: chat === '' ? null : chat,
    state,
    failures: attempts,
    failedAt: failedAt && shownAt(clock, failedAt),
    nextAttemptAt: state === 'pending' ? nextAt : null,
    settledAt: state === 'pending' ? null : nextAt,
    lastAttempt: log.at(-1) ?? null,
  }
}
