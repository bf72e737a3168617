import assert from 'node:assert/strict'
import * as journal from '../sql/journal.ts'
import * as keys from '../sql/keys.ts'
import * as ports from '../sql/ports.ts'
import * as settings from '../sql/settings.ts'
import { isFaultOfWork, row, rows, run, type Store } from '../store.ts'
import { onStore, type Runner, type StoreUnderTest } from './runner.ts'

const get = (store: Store, key: string) => store.read(() => settings.get(key))
const set = (store: Store, key: string, value: string) => store.write(() => settings.set(key, value))
const failed = { code: 'STORE_FAILED' }

/** An error is an error: never "there is nothing", never "it is done". */
export function testFailures({ test }: Runner, under: StoreUnderTest): void {
  test(
    'a failed read is thrown, and never looks like an empty result',
    onStore(under, async (store) => {
      await assert.rejects(
        store.read(() => rows('SELECT * FROM nowhere')),
        /nowhere/,
      )
      await assert.rejects(
        store.read(() => row('SELECT nothing FROM settings')),
        /nothing/,
      )
      await store.write(() => run('DROP TABLE keys'))
      await assert.rejects(
        store.read(() => keys.get('s', 'session', ['a'])),
        /keys/,
      )
      await assert.rejects(
        store.read(() => keys.idsFrom('s', 'session', 'a')),
        /keys/,
      )
      await assert.rejects(
        store.write(() => keys.put('s', 'session', 'a', null)),
        /keys/,
      )
      await store.write(() => run('DROP TABLE events'))
      await assert.rejects(
        store.read(() => journal.newest('s')),
        /events/,
      )
      // And the store is none the worse for it.
      await set(store, 'a', '1')
      assert.equal(await get(store, 'a'), '1')
    }),
  )

  test(
    'a work may clean up, but not swallow a statement that failed',
    onStore(under, async (store) => {
      let cleaned = false
      const write = store.write(function* () {
        try {
          yield* settings.set('a', '1')
          yield* run('DELETE FROM nowhere')
        } catch {
          // "never mind"
        } finally {
          cleaned = true
        }
        return 'all is well'
      })
      await assert.rejects(write, /nowhere/)
      assert.equal(cleaned, true)
      assert.equal(await get(store, 'a'), undefined)
    }),
  )

  test(
    'a row that may not be is known as the fault of the work: no session stops for it',
    onStore(under, async (store) => {
      await store.write(() => ports.set('a', 3_001))
      await assert.rejects(
        store.write(() => ports.set('b', 3_001)),
        (error) => isFaultOfWork(error),
      )
      const said = new Error('not now')
      await assert.rejects(
        // A work that says no by itself, before its first statement.
        // biome-ignore lint/correctness/useYield: see above
        store.write(function* () {
          throw said
        }),
        said,
      )
      assert.deepEqual(await store.read(() => ports.all()), [{ session: 'a', port: 3_001 }])
    }),
  )

  test(
    'a read must not write',
    onStore(under, async (store) => {
      await set(store, 'a', '1')
      await assert.rejects(
        store.read(() => settings.set('a', '2')),
        (error) => isFaultOfWork(error),
      )
      assert.equal(await get(store, 'a'), '1')
    }),
  )

  test(
    'a store that is closed rejects; to close it again does nothing',
    onStore(under, async (store) => {
      await set(store, 'a', '1')
      await store.close()
      await assert.rejects(get(store, 'a'), failed)
      await assert.rejects(set(store, 'a', '2'), failed)
      await store.close()
    }),
  )

  test(
    'close lets whatever was given before it come to its end, reads as well as writes',
    onStore(under, async (store) => {
      await set(store, 'a', '1')
      const reads = Array.from({ length: 50 }, () => get(store, 'a'))
      const write = set(store, 'b', '1')
      await store.close()
      assert.deepEqual(new Set(await Promise.all(reads)), new Set(['1']))
      await write
    }),
  )

  if (!under.canFail) return
  test(
    'while what is behind it fails it says so, for every read and every write; then it works again',
    onStore(under, async (store, place) => {
      await set(store, 'a', '1')
      assert(place.fail, 'what can fail has `fail`')
      const mend = await place.fail()
      try {
        const asked = [get(store, 'a'), set(store, 'a', '2'), get(store, 'nobody'), set(store, 'b', '2')]
        for (const outcome of await Promise.allSettled(asked)) {
          assert(outcome.status === 'rejected' && !isFaultOfWork(outcome.reason), 'it must say that it failed')
        }
      } finally {
        await mend()
      }
      assert.equal(await get(store, 'a'), '1')
      assert.equal(await get(store, 'b'), undefined)
      await set(store, 'a', '3')
      assert.equal(await get(store, 'a'), '3')
    }),
  )
}
