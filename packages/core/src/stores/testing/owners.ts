import assert from 'node:assert/strict'
import * as journal from '../sql/journal.ts'
import * as settings from '../sql/settings.ts'
import type { Store } from '../store.ts'
import { onStore, type Runner, type StoreUnderTest } from './runner.ts'

const get = (store: Store, key: string) => store.read(() => settings.get(key))
const set = (store: Store, key: string, value: string) => store.write(() => settings.set(key, value))

/** What a store is over time: it keeps, and one process at a time has it. */
export function testOwners({ test }: Runner, under: StoreUnderTest): void {
  test(
    'what was written is there when it is opened again, and is built upon',
    onStore(under, async (store, place) => {
      const append = (on: Store) =>
        on.write(() => journal.append('s', 'logged_out', null, 1, { cause: '', timestamp: 1 }))
      await set(store, 'a', '1')
      await append(store)
      await store.close()
      const again = await place.open()
      try {
        assert.equal(await get(again, 'a'), '1')
        await append(again)
        assert.equal(await again.read(() => journal.newest('s')), 2)
      } finally {
        await again.close()
      }
    }),
  )

  test(
    'close writes what was given before it',
    onStore(under, async (store, place) => {
      const write = set(store, 'last', 'words')
      await store.close()
      await write
      const again = await place.open()
      try {
        assert.equal(await get(again, 'last'), 'words')
      } finally {
        await again.close()
      }
    }),
  )

  test(
    'a second owner is refused, the first one goes on; after it has closed another may',
    onStore(under, async (store, place) => {
      await set(store, 'a', '1')
      await assert.rejects(place.open(), { code: 'STORE_FAILED' })
      await set(store, 'a', '2')
      assert.equal(await get(store, 'a'), '2')
      await store.close()
      const next = await place.open()
      try {
        assert.equal(await get(next, 'a'), '2')
      } finally {
        await next.close()
      }
    }),
  )
}
