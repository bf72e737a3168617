import { WamuxError } from '@wamux/core'
import { deliveries, webhooks } from '@wamux/core/stores'
import type { Handler } from './handler.ts'

const ID = webhooks.DEFAULT

/** The one webhook that the documentation knows: the one called `default`. */
export const webhook: { [N in 'setWebhook' | 'getWebhook' | 'deleteWebhook']: Handler<N> } = {
  setWebhook: async ({ body: { url, secret = null } }, { session, services }) => {
    const { store, guard, clock } = services
    const { id } = session()
    await guard.check(url)
    const changedAt = clock.now()
    await store.write(function* () {
      yield* webhooks.set(id, ID, { ...webhooks.PLAIN, name: ID, url, secret, changedAt })
      yield* deliveries.hurry(id, ID, clock.steady())
    })
    await services.webhooks.hurry(id, ID)
    return { data: { url, hasSecret: secret !== null } }
  },

  getWebhook: async (_, { session, services: { store } }) => {
    const found = await store.read(() => webhooks.get(session().id, ID))
    if (!found) throw new WamuxError('NOT_FOUND', 'The instance has no webhook.')
    return { data: { url: found.url, hasSecret: found.secret !== null } }
  },

  deleteWebhook: async (_, { session, services: { store } }) => {
    const { id } = session()
    await store.write(function* () {
      yield* webhooks.remove(id, ID)
      yield* deliveries.removeAll(id, ID)
    })
    return { data: null }
  },
}
