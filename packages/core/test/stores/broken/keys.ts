import type { SignalDataSet, SignalDataTypeMap, SignalKeyStore } from '../../../src/whatsapp/key-store.ts'
import type { Broken } from './index.ts'
import { turn } from './parts.ts'

type Values = Record<string, unknown>
type Kind = keyof SignalDataTypeMap
/** Keys whose one call is another; what is in them is of no interest here. */
const withKeys =
  (calls: (inner: AnyKeys) => Partial<AnyKeys>) =>
  (inner: SignalKeyStore): SignalKeyStore => {
    const any: AnyKeys = {
      get: (type, ids) => Promise.resolve(inner.get(type as Kind, [...ids])),
      set: async (data) => inner.set(data as SignalDataSet),
    }
    return { ...any, ...calls(any) } as SignalKeyStore
  }
interface AnyKeys {
  get(type: string, ids: readonly string[]): Promise<Values>
  set(data: Record<string, Values>): Promise<void>
}

const EACH_KIND = 'each kind of value comes back as it was, is replaced, and deleted by null'
const WHOLE_SET = 'one set of several kinds is kept as a whole, or nothing of it'
const AFTER_A_SET = 'what is read after a set has what was set; sets given one after the other are kept in that order'
const HOSTILE_KEYS = 'hostile ids are ids like any other'
const COPIES = 'what was given and what was got are copies: to change them changes nothing that is kept'
const MANY_KEYS = 'what is stored is found among what is not, many at once; what is not stored is missing'

export const KEYS: readonly Broken[] = [
  {
    name: 'bytes are written down as JSON writes them',
    keys: withKeys(({ get, set }) => ({
      get: (type, ids) =>
        get(
          'lid-mapping',
          ids.map((id) => `${type} ${id}`),
        ).then((found) => parsed(type, ids, found)),
      set: (data) =>
        set({
          'lid-mapping': Object.fromEntries(
            entriesOf(data).map(([type, id, value]) => [`${type} ${id}`, value && JSON.stringify(value)]),
          ),
        }),
    })),
    seenBy: [EACH_KIND],
  },
  {
    name: 'null keeps what was there',
    keys: withKeys(({ set }) => ({ set: (data) => set(without(data, (_, __, value) => value === null)) })),
    seenBy: [EACH_KIND, HOSTILE_KEYS],
  },
  {
    name: 'two kinds share a name',
    keys: withKeys(({ get, set }) => ({
      get: (type, ids) => get(type === 'pre-key' ? 'identity-key' : type, ids),
      set: ({ 'pre-key': preKeys, ...data }) =>
        set(preKeys ? { ...data, 'identity-key': { ...preKeys, ...data['identity-key'] } } : data),
    })),
    seenBy: [WHOLE_SET],
  },
  {
    name: 'one kind of a set is lost',
    keys: withKeys(({ set }) => ({ set: ({ 'sender-key': _, ...data }) => set(data) })),
    seenBy: [WHOLE_SET, EACH_KIND],
  },
  {
    name: 'each kind of a set is written by itself',
    keys: withKeys(({ set }) => ({
      async set(data) {
        for (const [type, values] of Object.entries(data)) await set({ [type]: values })
      },
    })),
    seenBy: [WHOLE_SET],
  },
  {
    name: 'what was read once is remembered for ever',
    keys: withKeys(({ get }) => {
      const kept = new Map<string, Promise<Values>>()
      return {
        get(type, ids) {
          const key = JSON.stringify([type, ids])
          const found = kept.get(key) ?? get(type, ids)
          kept.set(key, found)
          return found
        },
      }
    }),
    seenBy: [EACH_KIND],
  },
  {
    name: 'sets overtake one another',
    keys: withKeys(({ set }) => {
      let count = 0
      return {
        async set(data) {
          if (count++ % 2 === 0) for (let turns = 0; turns < 5; turns++) await turn()
          await set(data)
        },
      }
    }),
    seenBy: [AFTER_A_SET],
  },
  {
    name: 'one of too many that wait is dropped',
    keys: withKeys(({ set }) => {
      let waiting = 0
      return {
        async set(data) {
          if (++waiting > 500) return
          await set(data)
          waiting--
        },
      }
    }),
    seenBy: ['1,000 sets at once: none is lost, and whoever reads sees each as a whole'],
  },
  {
    name: 'what was given is what is kept',
    keys: withKeys(({ get, set }) => {
      const kept = new Map<string, unknown>()
      return {
        async get(type, ids) {
          const found = await get(type, ids)
          for (const id of ids) if (kept.has(`${type} ${id}`)) found[id] = kept.get(`${type} ${id}`)
          return found
        },
        async set(data) {
          await set(data)
          for (const [type, id, value] of entriesOf(data)) kept.set(`${type} ${id}`, value)
        },
      }
    }),
    seenBy: [COPIES],
  },
  {
    name: '`__proto__` is lost',
    keys: withKeys(({ get }) => ({
      async get(type, ids) {
        const found: Values = {}
        for (const [id, value] of Object.entries(await get(type, ids))) found[id] = value
        return found
      },
    })),
    seenBy: [HOSTILE_KEYS],
  },
  {
    name: 'ids become names of files',
    keys: withKeys(({ get, set }) => {
      const file = (id: string) => id.replace(/[/:]/g, '-')
      return {
        async get(type, ids) {
          const found = await get(type, ids.map(file))
          return Object.fromEntries(ids.map((id) => [id, found[file(id)]]))
        },
        set: (data) =>
          set(
            Object.fromEntries(
              Object.entries(data).map(([type, values]) => [
                type,
                Object.fromEntries(Object.entries(values).map(([id, value]) => [file(id), value])),
              ]),
            ),
          ),
      }
    }),
    seenBy: [HOSTILE_KEYS],
  },
  {
    name: 'a thousand ids at most are asked for',
    keys: withKeys(({ get }) => ({ get: (type, ids) => get(type, ids.slice(0, 1_000)) })),
    seenBy: [MANY_KEYS],
  },
  {
    name: 'a value that is too long is not kept',
    keys: withKeys(({ set }) => ({
      set: (data) => set(without(data, (_, __, value) => value instanceof Uint8Array && value.length > 65_535)),
    })),
    seenBy: ['takes values of 1 MB'],
  },
]

const entriesOf = (data: Record<string, Values>) =>
  Object.entries(data).flatMap(([type, values]) =>
    Object.entries(values).map(([id, value]): [string, string, unknown] => [type, id, value]),
  )

function without(data: Record<string, Values>, isLost: (type: string, id: string, value: unknown) => boolean) {
  const kept: Record<string, Values> = {}
  for (const [type, id, value] of entriesOf(data)) {
    kept[type] ??= {}
    if (!isLost(type, id, value)) kept[type][id] = value
  }
  return kept
}

function parsed(type: string, ids: readonly string[], found: Values): Values {
  const known = ids.flatMap((id) => {
    const text = found[`${type} ${id}`]
    return typeof text === 'string' ? [[id, JSON.parse(text)]] : []
  })
  return Object.fromEntries(known)
}
