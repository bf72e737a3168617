import { WamuxError } from '@wamux/core'
import { apiKeys } from '@wamux/core/stores'
import { makeKey } from '../auth/api-keys.ts'
import type { Handler } from './handler.ts'
import { pageOf } from './pages.ts'

/** The API keys of an instance. */
export const keys: { [N in 'createKey' | 'listKeys' | 'revokeKey']: Handler<N> } = {
  createKey: async (_, { session, services: { store, now } }) => {
    const { id, apiKey, hash } = makeKey()
    const createdAt = now()
    await store.write(() => apiKeys.add({ id, session: session().id, hash, createdAt }))
    return { data: { id, apiKey, createdAt } }
  },

  listKeys: async ({ query }, { session, services: { store } }) => {
    const { page, nextCursor } = pageOf(await store.read(() => apiKeys.list(session().id)), query)
    return { data: page.map(({ id, createdAt, revokedAt }) => ({ id, createdAt, revokedAt })), nextCursor }
  },

  revokeKey: async ({ params }, { session, services: { store, now } }) => {
    const isThere = await store.write(() => apiKeys.revoke(session().id, params.keyId, now()))
    if (!isThere) throw new WamuxError('NOT_FOUND', 'The instance has no such key.')
    return { data: null }
  },
}
