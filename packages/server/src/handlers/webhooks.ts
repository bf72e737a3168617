import { randomBytes } from 'node:crypto'
import { type InstanceWebhook, toWire } from '@wamux/contract'
import { invalid, WamuxError } from '@wamux/core'
import { deliveries, journal, type WebhookRow, type Work, webhooks } from '@wamux/core/stores'
import { type Clock, shownAt } from '../webhooks/clock.ts'
import { makeSecret } from '../webhooks/signature.ts'
import type { Handler } from './handler.ts'
import { pageOf } from './pages.ts'

const MOST = 20
const OVERLAP_SECONDS = 24 * 60 * 60

type Names =
  | 'createWebhook'
  | 'listWebhooks'
  | 'getInstanceWebhook'
  | 'updateWebhook'
  | 'removeWebhook'
  | 'rotateWebhookSecret'
  | 'testWebhook'

/** Several webhooks of an instance. */
export const severalWebhooks: { [N in Names]: Handler<N> } = {
  createWebhook: async ({ body }, { session, services: { store, guard, clock } }) => {
    const { id } = session()
    await guard.check(body.url)
    const { url, name = new URL(url).host.slice(0, 128), events = null, headers = {}, enabled = true } = body
    const { secret = makeSecret() } = body
    const chosen = { url, name, events, headers: lowerCase(headers), enabled, secret, changedAt: clock.now() }
    const made = await store.write(function* () {
      if ((yield* webhooks.ofSession(id)).length >= MOST) throw invalid('webhooks', `are ${MOST} at most.`)
      return yield* webhooks.set(id, `wh_${randomBytes(8).toString('hex')}`, { ...webhooks.PLAIN, ...chosen })
    })
    return { data: { ...shown(made, clock), secret } }
  },

  listWebhooks: async ({ query }, { session, services: { store, clock } }) => {
    const all = (await store.read(() => webhooks.ofSession(session().id))).reverse()
    const { page, nextCursor } = pageOf(all, query)
    return { data: page.map((one) => shown(one, clock)), nextCursor }
  },

  getInstanceWebhook: async ({ params }, { session, services: { store, clock } }) => {
    return { data: shown(await store.read(() => existing(session().id, params.webhookId)), clock) }
  },

  updateWebhook: async ({ params, body }, { session, services }) => {
    const { store, guard, clock } = services
    const { id } = session()
    if (body.url !== undefined) await guard.check(body.url)
    const changedAt = clock.now()
    const changed = await store.write(function* () {
      const before = yield* existing(id, params.webhookId)
      const { headers, ...rest } = body
      const after = { ...before, ...rest, ...(headers && { headers: lowerCase(headers) }), changedAt }
      // Whoever names a secret wants that one and no other.
      if (body.secret !== undefined) Object.assign(after, { oldSecret: null, oldSecretUntil: null })
      if (body.enabled === true) Object.assign(after, { disabledReason: null, failingSince: null })
      yield* deliveries.hurry(id, before.id, clock.steady())
      return yield* webhooks.set(id, before.id, after)
    })
    await services.webhooks.hurry(id, changed.id)
    return { data: shown(changed, clock) }
  },

  removeWebhook: async ({ params }, { session, services: { store } }) => {
    const { id } = session()
    await store.write(function* () {
      yield* webhooks.remove(id, params.webhookId)
      yield* deliveries.removeAll(id, params.webhookId)
    })
    return { data: null }
  },

  rotateWebhookSecret: async ({ params, body }, { session, services: { store, now } }) => {
    const { id } = session()
    const { secret = makeSecret(), overlapSeconds = OVERLAP_SECONDS } = body
    const until = now() + overlapSeconds * 1000
    const { oldSecretUntil } = await store.write(function* () {
      const before = yield* existing(id, params.webhookId)
      const isOverlapping = before.secret !== null && overlapSeconds > 0
      return yield* webhooks.set(id, before.id, {
        ...before,
        secret,
        oldSecret: isOverlapping ? before.secret : null,
        oldSecretUntil: isOverlapping ? until : null,
      })
    })
    return { data: { secret, oldSecretUntil } }
  },

  testWebhook: async ({ params }, { session, services }) => {
    const { id } = session()
    const { webhook, entry } = await services.store.read(function* () {
      const webhook = yield* existing(id, params.webhookId)
      return { webhook, entry: yield* journal.latest(id, webhook.events ?? []) }
    })
    if (!entry) throw new WamuxError('NOT_FOUND', 'There is no event yet that this webhook wants.')
    const { attempt } = await services.webhooks.attempt(webhook, toWire({ ...entry, sessionId: id }))
    return { data: { ...attempt, eventId: entry.id } }
  },
}

/** @throws NOT_FOUND */
export function* existing(session: string, id: string): Work<WebhookRow> {
  const found = yield* webhooks.get(session, id)
  if (!found) throw new WamuxError('NOT_FOUND', 'The instance has no such webhook.')
  return found
}

const lowerCase = (headers: Record<string, string>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

function shown(row: WebhookRow, clock: Clock): InstanceWebhook {
  const { id, name, url, events, enabled, disabledReason, failingSince, cursor, createdAt, oldSecretUntil } = row
  return {
    id,
    name,
    url,
    events,
    headerNames: Object.keys(row.headers),
    enabled,
    disabledReason,
    failingSince: failingSince && shownAt(clock, failingSince),
    hasSecret: row.secret !== null,
    oldSecretUntil: oldSecretUntil !== null && oldSecretUntil > clock.now() ? oldSecretUntil : null,
    cursor,
    createdAt,
  }
}
