import assert from 'node:assert/strict'
import type { SignalDataSet, SignalDataTypeMap, SignalKeyStore } from '../../whatsapp/key-store.ts'
import { HOSTILE_IDS } from './hostile.ts'
import type { Runner } from './runner.ts'

/** Keys as Baileys reads and writes them: `auth.keys` of its `makeWASocket`. */
export interface OpenKeys {
  keys: SignalKeyStore
  /** Makes what is behind them fail, until the function that it resolves with is called. See `canFail`. */
  fail?(): Promise<() => Promise<void>>
  /** Called at the end of a test, whatever came of it. */
  close?(): Promise<void>
}

export interface KeysUnderTest {
  /** For the titles of the tests. */
  name: string
  /** Keys of an account that has none yet. */
  open(): Promise<OpenKeys>
  /** What it opens has `fail`, which is what is tested then. Default false. */
  canFail?: boolean
}

type Type = keyof SignalDataTypeMap
const bytes = (...of: number[]) => Buffer.from(of)
/** Every byte there is. */
const ALL = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

/** One value of each kind, as Baileys makes them. */
const ONE_OF_EACH = {
  'pre-key': { public: ALL.subarray(0, 32), private: ALL.subarray(224) },
  session: { _sessions: { 'BQ==': { registrationId: 7, currentRatchet: { rootKey: 'AAEC' } } }, version: 'v1' },
  'sender-key': ALL,
  'sender-key-memory': { '4911111111:5@s.whatsapp.net': true },
  'app-state-sync-key': {
    keyData: ALL,
    fingerprint: { rawId: 1, currentIndex: 2, deviceIndexes: [0, 1] },
    timestamp: 5,
  },
  'app-state-sync-version': { version: 3, hash: ALL, indexValueMap: { 'a=': { valueMac: bytes(0, 255) } } },
  'lid-mapping': '12345',
  'device-list': ['0', '12', '99'],
  tctoken: { token: bytes(0, 1, 2), timestamp: '1790000000' },
  'identity-key': ALL.subarray(100, 133),
} satisfies Record<Type, unknown>
const TYPES = Object.keys(ONE_OF_EACH) as Type[] // exactly its keys

/** What some of them can be, too. */
const OTHERS: { [T in Type]?: SignalDataTypeMap[T] } = {
  'lid-mapping': 'other',
  'device-list': [],
  'sender-key-memory': {},
}

/** What a Signal session looks like that was moved on `n` times. */
const session = (n: number | string) => ({ ...ONE_OF_EACH.session, n }) as unknown as SignalDataTypeMap['session']

/**
 * The tests of an account's keys: any `auth.keys` for Baileys passes them, or loses messages one day. Each kind of value
 * comes back as it was; a `set` is whole; an error is an error.
 */
export function testKeys({ describe, test }: Runner, under: KeysUnderTest): void {
  const on = (body: (keys: SignalKeyStore, open: OpenKeys) => Promise<void>) => async () => {
    const open = await under.open()
    try {
      await body(open.keys, open)
    } finally {
      await open.close?.()
    }
  }

  describe(`keys in ${under.name}`, () => {
    test(
      'each kind of value comes back as it was, is replaced, and deleted by null',
      on(async (keys) => {
        for (const type of TYPES) {
          const put = (id: string, value: unknown) => keys.set({ [type]: { [id]: value } } as SignalDataSet)
          assert.equal(await one(keys, type, 'a'), undefined, type)
          await put('a', ONE_OF_EACH[type])
          await put('b', ONE_OF_EACH[type])
          same(await one(keys, type, 'a'), ONE_OF_EACH[type])
          await put('a', OTHERS[type] ?? ONE_OF_EACH[type])
          await put('b', null)
          await put('nobody', null)
          same(await one(keys, type, 'a'), OTHERS[type] ?? ONE_OF_EACH[type])
          assert.equal(await one(keys, type, 'b'), undefined, type)
        }
      }),
    )

    test(
      'what is stored is found among what is not, many at once; what is not stored is missing',
      on(async (keys) => {
        const ids = Array.from({ length: 1_201 }, (_, index) => `${index}`)
        await keys.set({
          'lid-mapping': Object.fromEntries(ids.filter((id) => id !== '600').map((id) => [id, `v${id}`])),
        })
        const found = await keys.get('lid-mapping', [...ids, 'nobody'])
        assert.equal(Object.values(found).filter((value) => value != null).length, 1_200)
        assert.equal(found['600'] ?? undefined, undefined)
        assert.equal(found['1200'], 'v1200')
        assert.deepEqual(Object.keys(await keys.get('lid-mapping', [])), [])
      }),
    )

    test(
      'one set of several kinds is kept as a whole, or nothing of it',
      on(async (keys) => {
        await keys.set({ ...everything('kept'), 'pre-key': { kept: null } })
        for (const type of TYPES) assert.equal((await one(keys, type, 'kept')) === undefined, type === 'pre-key', type)
        // The last of them is one that nobody can write down.
        const cannot = { ...ONE_OF_EACH.tctoken, timestamp: 1n as unknown as string }
        await assert.rejects(async () => keys.set({ ...everything('undone'), tctoken: { undone: cannot } }))
        for (const type of TYPES) assert.equal(await one(keys, type, 'undone'), undefined, type)
      }),
    )

    test(
      'what is read after a set has what was set; sets given one after the other are kept in that order',
      on(async (keys) => {
        const sets = Array.from({ length: 50 }, (_, n) => keys.set({ session: { a: session(n), b: session(n) } }))
        await Promise.all(sets)
        same(await one(keys, 'session', 'a'), session(49))
        const writes = [0, 1, 2].map(async (n) => {
          await keys.set({ session: { [`own ${n}`]: session(n) } })
          same(await one(keys, 'session', `own ${n}`), session(n))
        })
        await Promise.all(writes)
      }),
    )

    test(
      '1,000 sets at once: none is lost, and whoever reads sees each as a whole',
      on(async (keys) => {
        const sets = Array.from({ length: 1_000 }, async (_, n) => {
          const set = keys.set({ session: { one: session(n), other: session(n), [`${n}`]: session(n) } })
          if (n % 10 === 0) {
            const { one: a, other: b } = await keys.get('session', ['one', 'other'])
            same(a, b)
          }
          await set
        })
        await Promise.all(sets)
        const ids = Array.from({ length: 1_000 }, (_, n) => `${n}`)
        const found = await keys.get('session', ids)
        for (const [n, id] of ids.entries()) same(found[id], session(n))
      }),
    )

    test(
      'what was given and what was got are copies: to change them changes nothing that is kept',
      on(async (keys) => {
        const given = structuredClone(ONE_OF_EACH['app-state-sync-version'])
        await keys.set({ 'app-state-sync-version': { a: given as SignalDataTypeMap['app-state-sync-version'] } })
        given.version = 99
        given.hash.fill(1)
        const got = await one(keys, 'app-state-sync-version', 'a')
        if (!got) throw new Error('what was set is not there')
        got.version = 98
        got.indexValueMap.b = { valueMac: bytes(1) }
        same(await one(keys, 'app-state-sync-version', 'a'), ONE_OF_EACH['app-state-sync-version'])
      }),
    )

    test(
      'hostile ids are ids like any other',
      on(async (keys) => {
        const values = HOSTILE_IDS.map((id): [string, string] => [id, `value of ${id}`])
        await keys.set({ 'lid-mapping': Object.fromEntries(values) })
        const found = new Map(Object.entries(await keys.get('lid-mapping', [...HOSTILE_IDS])))
        for (const [id, value] of values) {
          assert.equal(found.get(id), value)
          assert.equal(await one(keys, 'lid-mapping', id), value)
        }
        assert.equal(found.size, HOSTILE_IDS.length)
        await keys.set({ 'lid-mapping': { constructor: null } as unknown as Record<string, null> })
        assert.equal(await one(keys, 'lid-mapping', 'constructor'), undefined)
        assert.equal(await one(keys, 'lid-mapping', '__proto__'), 'value of __proto__')
      }),
    )

    test(
      'takes values of 1 MB',
      on(async (keys) => {
        const large = Buffer.alloc(1_000_000, ALL)
        await keys.set({ 'sender-key': { a: large } })
        const kept = await one(keys, 'sender-key', 'a')
        assert(kept && Buffer.compare(kept, large) === 0, 'the value is another')
      }),
    )

    if (!under.canFail) return
    test(
      'while what is behind them fails they say so: never that a key is missing, never that it is kept',
      on(async (keys, { fail }) => {
        assert(fail, 'what can fail has `fail`')
        await keys.set({ session: { a: session(1) } })
        const mend = await fail()
        try {
          await assert.rejects(async () => keys.get('session', ['a']))
          await assert.rejects(async () => keys.get('session', ['nobody']))
          await assert.rejects(async () => keys.set({ session: { a: session(2) } }))
          await assert.rejects(async () => keys.set({ session: { a: null } }))
        } finally {
          await mend()
        }
      }),
    )
  })
}

const everything = (id: string) =>
  Object.fromEntries(TYPES.map((type) => [type, { [id]: ONE_OF_EACH[type] }])) as SignalDataSet // one_of_each is by type

/** As Baileys reads one: own property or not, null or not there. */
async function one<T extends Type>(
  keys: SignalKeyStore,
  type: T,
  id: string,
): Promise<SignalDataTypeMap[T] | undefined> {
  const found = await keys.get(type, [id])
  return Object.hasOwn(found, id) ? (found[id] ?? undefined) : undefined
}

/** Equal as Baileys sees it: the bytes count, whatever class they come in; a message of protobuf is what it holds. */
function same(got: unknown, expected: unknown): void {
  assert.deepEqual(plain(got), plain(expected))
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value]
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  if ('toNumber' in value && typeof value.toNumber === 'function') return value.toNumber() // a number of 64 bits
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}
