import { invalid, WamuxError } from '@wamux/core'
import { apiKeys } from '@wamux/core/stores'
import { makeKey } from '../auth/api-keys.ts'
import type { Handler } from './handler.ts'

/** The API keys of an instance. */
export const keys: { [N in 'createKey' | 'listKeys' | 'revokeKey']: Handler<N> } = {
  createKey: async (_, { session, services: { store, now } }) => {
    const { id, apiKey, hash } = makeKey()
    const createdAt = now()
    await store.write(() => apiKeys.add({ id, session: session().id, hash, createdAt }))
    return { data: { id, apiKey, createdAt } }
  },

  listKeys: async ({ query: { limit = 50, cursor } }, { session, services: { store } }) => {
    const all = await store.read(() => apiKeys.list(session().id))
    const start = cursor === undefined ? 0 : all.findIndex(({ id }) => id === cursor) + 1
    if (cursor !== undefined && start === 0) throw invalid('cursor', 'is not the nextCursor of a page')
    const page = all.slice(start, start + limit)
    return {
      data: page.map(({ id, createdAt, revokedAt }) => ({ id, createdAt, revokedAt })),
      nextCursor: start + limit < all.length ? (page.at(-1)?.id ?? null) : null,
    }
  },

  revokeKey: async ({ params }, { session, services: { store, now } }) => {
    const isThere = await store.write(() => apiKeys.revoke(session().id, params.keyId, now()))
    if (!isThere) throw new WamuxError('NOT_FOUND', 'The instance has no such key.')
    return { data: null }
  },
}
