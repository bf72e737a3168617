import { rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Lookups, LookupsOfSession, memoryLookups, sqliteLookups } from '../../src/stores/keyv.ts'
import { newFolder } from './open.ts'

afterEach(() => {
  vi.useRealTimers()
})

/** Counts how often something had to be found out. */
function source<T>(value: T) {
  const calls = { asked: 0 }
  return {
    calls,
    fetch: async () => {
      calls.asked++
      return value
    },
  }
}
const opened = (lookups: Lookups): Lookups => {
  onTestFinished(async () => {
    await lookups.disconnect()
  })
  return lookups
}
const KINDS: [string, () => Lookups][] = [
  ['in memory', () => opened(memoryLookups())],
  ['in a SQLite file', () => opened(sqliteLookups(join(newFolder(), 'lookups.db')))],
]

for (const [where, open] of KINDS) {
  describe(`look-ups ${where}`, () => {
    test('ask once, and remember for as long as told', async () => {
      vi.useFakeTimers({ toFake: ['Date'] })
      const session = new LookupsOfSession(open(), 's')
      const { calls, fetch } = source({ registered: true })
      expect(await session.get('number', '4915', 1_000, fetch)).toEqual({ registered: true })
      vi.setSystemTime(Date.now() + 999)
      expect(await session.get('number', '4915', 1_000, fetch)).toEqual({ registered: true })
      expect(calls.asked).toBe(1)
      vi.setSystemTime(Date.now() + 2)
      await session.get('number', '4915', 1_000, fetch)
      expect(calls.asked).toBe(2)
    })
    test('the time may depend on what was found', async () => {
      vi.useFakeTimers({ toFake: ['Date'] })
      const session = new LookupsOfSession(open(), 's')
      const ttl = ({ registered }: { registered: boolean }) => (registered ? 5_000 : 10)
      const [yes, no] = [source({ registered: true }), source({ registered: false })]
      const ask = async () => [
        await session.get('number', '1', ttl, yes.fetch),
        await session.get('number', '2', ttl, no.fetch),
      ]
      await ask()
      vi.setSystemTime(Date.now() + 11)
      await ask()
      expect([yes.calls.asked, no.calls.asked]).toEqual([1, 2])
    })
    test('nothing learnt by one session is used for another', async () => {
      const lookups = open()
      const [a, b] = [source('a'), source('b')]
      expect(await new LookupsOfSession(lookups, 'a').get('number', '1', 1_000, a.fetch)).toBe('a')
      expect(await new LookupsOfSession(lookups, 'b').get('number', '1', 1_000, b.fetch)).toBe('b')
      expect(await new LookupsOfSession(lookups, 'a').get('number', '1', 1_000, b.fetch)).toBe('a')
      expect([a.calls.asked, b.calls.asked]).toEqual([1, 1])
    })
    test('kinds do not meet', async () => {
      const session = new LookupsOfSession(open(), 's')
      expect(await session.get('number', '1', 1_000, async () => 'n')).toBe('n')
      expect(await session.get('group', '1', 1_000, async () => 'g')).toBe('g')
    })
    test('"there is none" is remembered like everything else', async () => {
      const session = new LookupsOfSession(open(), 's')
      const { calls, fetch } = source(null)
      await session.get('picture', '1', 1_000, fetch)
      expect(await session.get('picture', '1', 1_000, fetch)).toBeNull()
      expect(calls.asked).toBe(1)
    })
    test('a question that failed is not remembered', async () => {
      const session = new LookupsOfSession(open(), 's')
      const failed = session.get('number', '1', 1_000, async () => {
        throw new Error('no connection')
      })
      await expect(failed).rejects.toThrow('no connection')
      expect(await session.get('number', '1', 1_000, async () => 'found')).toBe('found')
    })
  })
}

describe('the file', () => {
  test('is for its owner only, also one that was there before', async () => {
    const file = join(newFolder(), 'lookups.db')
    writeFileSync(file, '', { mode: 0o644 })
    const session = new LookupsOfSession(opened(sqliteLookups(file)), 's')
    await session.get('number', '1', 60_000, async () => 'found')
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(file + suffix).mode & 0o777).toBe(0o600)
  })
  test('outlives the process', async () => {
    const file = join(newFolder(), 'lookups.db')
    const first = sqliteLookups(file)
    await new LookupsOfSession(first, 's').get('number', '1', 60_000, async () => ({ registered: true, lid: 'x' }))
    await first.disconnect()
    const { calls, fetch } = source('asked again')
    const again = new LookupsOfSession(opened(sqliteLookups(file)), 's')
    expect(await again.get<unknown>('number', '1', 60_000, fetch)).toEqual({ registered: true, lid: 'x' })
    expect(calls.asked).toBe(0)
  })
  test('may be deleted: nothing is lost but the answer, which is asked for again', async () => {
    const file = join(newFolder(), 'lookups.db')
    const first = sqliteLookups(file)
    await new LookupsOfSession(first, 's').get('number', '1', 60_000, async () => 'old')
    await first.disconnect()
    for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true })
    const again = new LookupsOfSession(opened(sqliteLookups(file)), 's')
    expect(await again.get('number', '1', 60_000, async () => 'new')).toBe('new')
  })
  test('may be broken: it is made anew', async () => {
    const file = join(newFolder(), 'lookups.db')
    writeFileSync(file, 'this is no database'.repeat(500))
    const session = new LookupsOfSession(opened(sqliteLookups(file)), 's')
    expect(await session.get('number', '1', 60_000, async () => 'found')).toBe('found')
  })
})
