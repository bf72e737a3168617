import assert from 'node:assert/strict'
import * as contacts from '../sql/contacts.ts'
import * as journal from '../sql/journal.ts'
import * as keys from '../sql/keys.ts'
import * as sessions from '../sql/sessions.ts'
import * as settings from '../sql/settings.ts'
import type { Store } from '../store.ts'
import { HOSTILE_IDS } from './hostile.ts'
import { onStore, type Runner, type StoreUnderTest } from './runner.ts'

const get = (store: Store, key: string) => store.read(() => settings.get(key))
const set = (store: Store, key: string, value: string) => store.write(() => settings.set(key, value))
const MB = 1_000_000
/** What bytes can be taken for: a text, its end, the mark of another encoding. */
const BYTES: readonly (readonly number[])[] = [
  Array.from({ length: 256 }, (_, byte) => byte),
  [],
  [0],
  [0, 0, 0],
  [0xff, 0xfe, 0],
  [0xc3, 0x28],
  [0x5c, 0x78, 0x34, 0x31],
]

/** What goes in comes out: bytes, numbers, texts and ids as they are. */
export function testValues({ test }: Runner, under: StoreUnderTest): void {
  test(
    'bytes come back as they were',
    onStore(under, async (store) => {
      await store.write(function* () {
        for (const [n, bytes] of BYTES.entries()) yield* keys.putPlaintext('s', `${n}`, new Uint8Array(bytes), 1)
      })
      for (const [n, bytes] of BYTES.entries()) {
        const kept = await store.read(() => keys.plaintext('s', `${n}`))
        assert(kept instanceof Uint8Array, 'bytes are a Uint8Array')
        assert.deepEqual([...kept], bytes)
      }
    }),
  )

  test(
    'numbers come back as numbers, as large as they get; null is neither 0 nor an empty text',
    onStore(under, async (store) => {
      const at = [0, -1, 2 ** 31, 1_790_000_000_123, Number.MAX_SAFE_INTEGER]
      for (const timestamp of at) {
        const chat = timestamp === 0 ? null : ''
        await store.write(() => journal.append('s', 'logged_out', chat, timestamp, { cause: '', timestamp }))
      }
      const kept = await store.read(() => journal.after('s', 0, 9))
      assert.deepEqual(
        kept.map(({ seq, timestamp, chat }) => [seq, timestamp, chat]),
        at.map((timestamp, index) => [index + 1, timestamp, index === 0 ? null : '']),
      )
      await store.write(() => contacts.learn('s', { lid: '12345', name: '' }))
      const { phone, isBlocked } = (await store.read(() => contacts.byLid('s', '12345'))) ?? {}
      assert.deepEqual({ phone, isBlocked }, { phone: null, isBlocked: false })
    }),
  )

  test(
    'takes values of 1 MB, as text and as bytes',
    onStore(under, async (store) => {
      const text = 'ü'.repeat(MB / 2)
      const bytes = new Uint8Array(MB).map((_, index) => index)
      await set(store, 'large', text)
      await store.write(() => keys.putPlaintext('s', 'hash', bytes, 1))
      // Not compared by `equal`, which would print them.
      assert((await get(store, 'large')) === text, 'the text is another')
      const kept = await store.read(() => keys.plaintext('s', 'hash'))
      assert(kept && Buffer.compare(kept, bytes) === 0, 'the bytes are others')
    }),
  )

  test(
    'hostile ids are ids like any other: as sessions, types, keys and names',
    onStore(under, async (store) => {
      await store.write(function* () {
        for (const id of HOSTILE_IDS) {
          yield* settings.set(id, `setting ${id}`)
          yield* keys.put(id, 'session', 'a', `session ${id}`)
          yield* keys.put('s', id, 'a', `type ${id}`)
          yield* keys.put('s', 'session', id, `id ${id}`)
        }
      })
      const found = await store.read(() => keys.get('s', 'session', HOSTILE_IDS))
      assert.equal(found.size, HOSTILE_IDS.length)
      for (const id of HOSTILE_IDS) {
        assert.equal(await get(store, id), `setting ${id}`)
        assert.equal(found.get(id), `id ${id}`)
        assert.deepEqual([...(await store.read(() => keys.get(id, 'session', ['a']))).values()], [`session ${id}`])
        assert.deepEqual([...(await store.read(() => keys.get('s', id, ['a']))).values()], [`type ${id}`])
      }
      assert.deepEqual(new Set(await store.read(() => keys.idsFrom('s', 'session', ''))), new Set(HOSTILE_IDS))
      await store.write(() => sessions.remove("'"))
      assert.equal((await store.read(() => keys.get("'", 'session', ['a']))).size, 0)
      assert.equal((await store.read(() => keys.get('s', 'session', HOSTILE_IDS))).size, HOSTILE_IDS.length)
    }),
  )

  test(
    'texts are compared byte by byte: ids are found by their beginning, and only by that',
    onStore(under, async (store) => {
      const ids = ['4915.0', '4915.12', '4915_1.0', '49150.0', '491.0', '14915.0', 'Ä', 'a', 'Z']
      await store.write(function* () {
        for (const id of ids) yield* keys.put('s', 'session', id, 'x')
      })
      const from = async (prefix: string) => (await store.read(() => keys.idsFrom('s', 'session', prefix))).sort()
      assert.deepEqual(await from('4915.'), ['4915.0', '4915.12'])
      assert.deepEqual(await from('a'), ['a'])
      assert.deepEqual(await from('A'), [])
    }),
  )
}
