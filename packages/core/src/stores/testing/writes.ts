import assert from 'node:assert/strict'
import * as journal from '../sql/journal.ts'
import * as keys from '../sql/keys.ts'
import * as settings from '../sql/settings.ts'
import { run, type Store, type Work } from '../store.ts'
import { onStore, type Runner, type StoreUnderTest } from './runner.ts'

const get = (store: Store, key: string) => store.read(() => settings.get(key))
const set = (store: Store, key: string, value: string) => store.write(() => settings.set(key, value))

/** What a commit is: whole, in order, seen by whoever reads after it. */
export function testWrites({ test }: Runner, under: StoreUnderTest): void {
  test(
    'gives back what was written, once the write has resolved',
    onStore(under, async (store) => {
      assert.equal(await get(store, 'a'), undefined)
      await set(store, 'a', '1')
      assert.equal(await get(store, 'a'), '1')
      await set(store, 'a', '2')
      assert.equal(await get(store, 'a'), '2')
      await store.write(() => settings.remove('a'))
      assert.equal(await get(store, 'a'), undefined)
    }),
  )

  test(
    'resolves with what the work returned, and a work sees what it wrote itself',
    onStore(under, async (store) => {
      const seen = await store.write(function* () {
        yield* settings.set('a', 'own')
        return yield* settings.get('a')
      })
      assert.equal(seen, 'own')
      assert.equal(await store.read(() => settings.get('a')), 'own')
    }),
  )

  test(
    'writes happen in the order in which they were given, each seeing those before it',
    onStore(under, async (store) => {
      const append = (text: string) =>
        store.write(function* () {
          const value = `${(yield* settings.get('a')) ?? ''}${text}`
          yield* settings.set('a', value)
          return value
        })
      const given = 'the quick brown fox'.split('')
      const seen = await Promise.all(given.map(append))
      assert.deepEqual(
        seen,
        given.map((_, index) => given.slice(0, index + 1).join('')),
      )
    }),
  )

  test(
    'what one work writes into several tables is kept as a whole, or nothing of it',
    onStore(under, async (store) => {
      await store.write(() => everywhere('kept'))
      const broken = new Error('at the very end')
      const undone = store.write(function* () {
        yield* everywhere('undone')
        throw broken
      })
      await assert.rejects(undone, broken)
      assert.deepEqual(await store.read(() => found('kept')), [1, 1, 1, 1, 1])
      assert.deepEqual(await store.read(() => found('undone')), [0, 0, 0, 0, 0])
    }),
  )

  test(
    'whoever reads sees a commit as a whole',
    onStore(under, async (store) => {
      const both = function* () {
        return [yield* settings.get('one'), yield* settings.get('other')]
      }
      const writes: Promise<void>[] = []
      const reads: Promise<(string | undefined)[]>[] = []
      for (let n = 0; n < 100; n++) {
        const write = store.write(function* () {
          yield* settings.set('one', `${n}`)
          yield* settings.set('other', `${n}`)
        })
        writes.push(write)
        reads.push(store.read(both))
        if (n % 10 === 9) await write
      }
      for (const [one, other] of await Promise.all(reads)) assert.equal(one, other)
      await Promise.all(writes)
      assert.deepEqual(await store.read(both), ['99', '99'])
    }),
  )

  test(
    '1,000 writes at once, some of which fail: each counts once, or not at all',
    onStore(under, async (store) => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 1_000 }, (_, n) =>
          store.write(function* () {
            const counter = `counter ${n % 10}`
            const count = Number((yield* settings.get(counter)) ?? 0) + 1
            yield* settings.set(counter, `${count}`)
            yield* settings.set(`write ${n}`, `${count}`)
            if (n % 7 === 3) throw new Error('undone')
            return count
          }),
        ),
      )
      const kept = outcomes.flatMap((outcome, n) =>
        outcome.status === 'fulfilled' ? [{ n, count: outcome.value }] : [],
      )
      assert.equal(kept.length, 857)
      for (let counter = 0; counter < 10; counter++) {
        const counts = kept.filter(({ n }) => n % 10 === counter).map(({ count }) => count)
        assert.deepEqual(
          counts,
          counts.map((_, index) => index + 1),
        )
        assert.equal(await get(store, `counter ${counter}`), `${counts.length}`)
      }
      const there = await store.read(function* () {
        const found: number[] = []
        for (const n of outcomes.keys()) if ((yield* settings.get(`write ${n}`)) !== undefined) found.push(n)
        return found
      })
      assert.deepEqual(
        there,
        kept.map(({ n }) => n),
      )
    }),
  )

  test(
    'a work that throws undoes only itself while it shares a commit',
    onStore(under, async (store) => {
      const broken = new Error('half way')
      const results = await Promise.allSettled([
        set(store, 'before', '1'),
        store.write(function* () {
          yield* settings.set('half', '1')
          yield* settings.set('before', 'overwritten')
          throw broken
        }),
        store.write(function* () {
          yield* settings.set('also half', '1')
          yield* run('DELETE FROM nowhere')
        }),
        set(store, 'after', '1'),
      ])
      assert.deepEqual(
        results.map(({ status }) => status),
        ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
      )
      assert.equal(results[1]?.status === 'rejected' && results[1].reason, broken)
      assert.match(String(results[2]?.status === 'rejected' && results[2].reason), /nowhere/)
      assert.equal(await get(store, 'before'), '1')
      assert.equal(await get(store, 'half'), undefined)
      assert.equal(await get(store, 'also half'), undefined)
      assert.equal(await get(store, 'after'), '1')
    }),
  )
}

const KINDS = ['session', 'pre-key', 'sender-key']

/** What belongs to one message: a moved ratchet, a used pre-key, the plaintext, an event. */
function* everywhere(name: string): Work<void> {
  for (const kind of KINDS) yield* keys.put(name, kind, 'a', '1')
  yield* keys.putPlaintext(name, 'hash', new Uint8Array([1]), 1)
  yield* journal.append(name, 'logged_out', null, 1, { cause: '401', timestamp: 1 })
}

function* found(name: string): Work<number[]> {
  const counts: number[] = []
  for (const kind of KINDS) counts.push((yield* keys.get(name, kind, ['a'])).size)
  counts.push((yield* keys.plaintext(name, 'hash')) ? 1 : 0)
  counts.push(yield* journal.newest(name))
  return counts
}
