import { describe, expect, test } from 'vitest'
import { lidOfPhone, mergeSessions } from '../../src/whatsapp/lid-migration.ts'

describe('a pair of names', () => {
  test('is read whichever way round, and without devices', () => {
    const pair = { phone: '4915', lid: '12345' }
    expect(lidOfPhone('12345@lid', '4915@s.whatsapp.net')).toEqual(pair)
    expect(lidOfPhone('4915:3@s.whatsapp.net', '12345:3@lid')).toEqual(pair)
  })
  test('is none when both are of one kind, or one is missing', () => {
    for (const [a, b] of [
      ['12345@lid', '99999@lid'],
      ['4915@s.whatsapp.net', '4916@s.whatsapp.net'],
      ['', '4915@s.whatsapp.net'],
      ['12345@lid', ''],
      ['12345@g.us', '4915@s.whatsapp.net'],
    ] as const)
      expect(lidOfPhone(a, b)).toBeUndefined()
  })
})

describe('two records of one person', () => {
  type Session = { indexInfo: { closed: number; used?: number }; chain?: string }
  // Baileys types records as bytes; what it stores is what libsignal serialises, which is an object.
  const asRecord = (sessions: Record<string, Session>) =>
    ({ _sessions: sessions, version: 'v1' }) as unknown as Uint8Array
  const sessionsOf = (record: Uint8Array) => (record as unknown as { _sessions: Record<string, Session> })._sessions
  const open = (chain: string): Session => ({ indexInfo: { closed: -1, used: 5 }, chain })
  const closed = (at: number, chain: string): Session => ({ indexInfo: { closed: at }, chain })

  test('without a record under the hidden id, the other moves as it is', () => {
    const moved = asRecord({ a: open('phone') })
    expect(mergeSessions(undefined, moved)).toBe(moved)
  })
  test('the session under the hidden id stays open, the other is kept closed for what is still on its way', () => {
    const before = Date.now()
    const merged = sessionsOf(mergeSessions(asRecord({ l: open('lid') }), asRecord({ p: open('phone') })))
    expect(merged.l).toEqual(open('lid'))
    expect(merged.p).toMatchObject({ chain: 'phone', indexInfo: { used: 5 } })
    expect(merged.p?.indexInfo.closed).toBeGreaterThanOrEqual(before)
    expect(Object.values(merged).filter(({ indexInfo }) => indexInfo.closed === -1)).toHaveLength(1)
  })
  test('a session that was closed keeps its date', () => {
    const merged = sessionsOf(mergeSessions(asRecord({ l: open('lid') }), asRecord({ p: closed(77, 'phone') })))
    expect(merged.p).toEqual(closed(77, 'phone'))
  })
  test('a session that both have is the one under the hidden id: its ratchet is further', () => {
    const merged = sessionsOf(mergeSessions(asRecord({ x: open('lid') }), asRecord({ x: open('phone') })))
    expect(merged).toEqual({ x: open('lid') })
  })
  test('neither record is changed', () => {
    const [kept, moved] = [asRecord({ l: open('lid') }), asRecord({ p: open('phone') })]
    mergeSessions(kept, moved)
    expect(sessionsOf(kept)).toEqual({ l: open('lid') })
    expect(sessionsOf(moved)).toEqual({ p: open('phone') })
  })
})
