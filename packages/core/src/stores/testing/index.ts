/**
 * `@wamux/core/testing`: what a store has to do, as tests for whoever writes one. They run in any runner that has
 * `describe` and `test`; wamux's own stores are tested by nothing else.
 *
 * ```ts
 * import { describe, test } from 'node:test'
 * import { testStore } from '@wamux/core/testing'
 *
 * testStore({ describe, test }, {
 *   name: 'my store',
 *   newPlace: async () => {
 *     const database = await emptyDatabase()
 *     return { open: () => openMyStore(database.url), remove: () => database.drop() }
 *   },
 * })
 * ```
 */
import { keysIn } from '../../whatsapp/key-store.ts'
import { testFailures } from './failures.ts'
import { testKeys } from './keys.ts'
import { testOwners } from './owners.ts'
import type { Runner, StoreUnderTest } from './runner.ts'
import { testValues } from './values.ts'
import { testWrites } from './writes.ts'

export { HOSTILE_IDS } from './hostile.ts'
export { type KeysUnderTest, type OpenKeys, testKeys } from './keys.ts'
export type { Place, Runner, StoreUnderTest } from './runner.ts'
export { type SlowOptions, slowStore } from './slow.ts'

/**
 * The tests of a {@link Store}, and {@link testKeys} on top of it. Each opens a store in a new place and closes it; none
 * takes longer than a second on a store that does not.
 */
export function testStore(runner: Runner, under: StoreUnderTest): void {
  runner.describe(`a store in ${under.name}`, () => {
    testWrites(runner, under)
    testFailures(runner, under)
    testValues(runner, under)
    if (!under.isInMemory) testOwners(runner, under)
  })
  testKeys(runner, {
    name: under.name,
    canFail: under.canFail ?? false,
    open: async () => {
      const place = await under.newPlace()
      const store = await place.open()
      return {
        keys: keysIn(store, 's'),
        ...(place.fail && { fail: place.fail.bind(place) }),
        close: async () => {
          await store.close()
          await place.remove?.()
        },
      }
    },
  })
}
