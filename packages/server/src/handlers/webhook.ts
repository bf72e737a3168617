import { WamuxError } from '@wamux/core'
import { deliveries, webhooks } from '@wamux/core/stores'
import type { Handler } from './handler.ts'

/** The one webhook of an instance. */
export const webhook: { [N in 'setWebhook' | 'getWebhook' | 'deleteWebhook']: Handler<N> } = {
  setWebhook: async ({ body: { url, secret } }, { session, services }) => {
    const { store, guard, now } = services
    const { id } = session()
    await guard.check(url)
    await store.write(function* () {
      yield* webhooks.set(id, url, secret ?? null, now())
      yield* deliveries.hurry(id, now())
    })
    services.webhooks.hurry(id)
    return { data: { url, hasSecret: secret !== undefined } }
  },

  getWebhook: async (_, { session, services: { store } }) => {
    const found = await store.read(() => webhooks.get(session().id))
    if (!found) throw new WamuxError('NOT_FOUND', 'The instance has no webhook.')
    return { data: { url: found.url, hasSecret: found.secret !== null } }
  },

  deleteWebhook: async (_, { session, services: { store } }) => {
    const { id } = session()
    await store.write(function* () {
      yield* webhooks.remove(id)
      yield* deliveries.removeAll(id)
    })
    return { data: null }
  },
}
