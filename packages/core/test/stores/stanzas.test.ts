import { describe, expect, test } from 'vitest'
import * as stanzas from '../../src/stores/sql/stanzas.ts'
import type { Store } from '../../src/stores/store.ts'
import { STORES } from './open.ts'

const BYTES = new Uint8Array()
const keep = (store: Store, session: string, key: string, at: number) =>
  store.write(() => stanzas.keep(session, key, BYTES, at))

describe.each(STORES)('what is remembered of stanzas, on %s', (_, open) => {
  test('is the newest of each kind and session; what Baileys has not handled stays', async () => {
    const store = await open()
    for (const kind of ['handled', 'retries', 'unhandled'])
      for (const at of [1, 2, 3, 4]) await keep(store, 'a', `${kind} ${at}`, at)
    await keep(store, 'b', 'handled 1', 1)
    await store.write(() => stanzas.dropMost('a', 2))
    const left = async (session: string, keys: string[]) => {
      const has = await store.read(function* () {
        const found: string[] = []
        for (const key of keys) if (yield* stanzas.has(session, key)) found.push(key)
        return found
      })
      return has
    }
    const all = ['handled', 'retries', 'unhandled'].flatMap((kind) => [1, 2, 3, 4].map((at) => `${kind} ${at}`))
    expect(await left('a', all)).toEqual([
      'handled 3',
      'handled 4',
      'retries 3',
      'retries 4',
      ...all.filter((key) => key.startsWith('unhandled')),
    ])
    expect(await left('b', ['handled 1'])).toEqual(['handled 1'])
    await store.write(() => stanzas.dropMost('a', 2))
    expect(await left('a', ['handled 3', 'handled 4'])).toHaveLength(2)
  })
})
