import { describe, expect, test } from 'vitest'
import * as deliveries from '../../src/stores/sql/deliveries.ts'
import * as journal from '../../src/stores/sql/journal.ts'
import * as replays from '../../src/stores/sql/replays.ts'
import { rows } from '../../src/stores/store.ts'
import { STORES } from './open.ts'

const QUEUE = { session: 's', webhook: 'w', chat: 'c' }
const NOW = 1_000_000_000_000
const PATIENCE = { now: NOW, holdMs: 600_000, longestMs: 100_000_000 }
const attempt = { at: NOW, durationMs: 1, status: 500, error: 'HTTP 500' }

describe.each(STORES)('deliveries in %s', (_, open) => {
  /** `logged_out` events 1, 2, 3 … at 1, 2, 3 … ms, all of them owed to the webhook. */
  async function setUp(count: number) {
    const store = await open()
    await store.write(function* () {
      for (let seq = 1; seq <= count; seq++) {
        yield* journal.append('s', 'logged_out', 'c', seq, { cause: '401', timestamp: seq })
      }
      for (const entry of yield* journal.after('s', 0, count)) yield* deliveries.add(QUEUE, entry, NOW)
    })
    const fail = async (seq: number, failedAt: number, nextAt: number) => {
      const delivery = await store.read(() => deliveries.get('s', 'w', seq))
      if (!delivery) throw new Error(`There is no delivery ${seq}.`)
      await store.write(() => deliveries.settle(delivery, { state: 'pending', attempts: 1, nextAt, failedAt }, attempt))
    }
    const next = async (now = NOW) => {
      const found = await store.read(() => deliveries.next(QUEUE, { ...PATIENCE, now }))
      return found && [found.head.seq, found.due?.seq, found.lookAt - NOW]
    }
    return { store, fail, next }
  }

  test('one that fails holds those behind it, and then no longer', async () => {
    const { store, fail, next } = await setUp(3)
    expect(await next()).toEqual([1, 1, 0])
    await fail(1, NOW, NOW + 5_000)
    expect(await next()).toEqual([1, undefined, 5_000])
    await fail(1, NOW, NOW + 3_600_000)
    expect(await next()).toEqual([1, undefined, 600_000])
    expect(await next(NOW + 600_000)).toEqual([1, 2, 600_000])
    await fail(2, NOW + 600_000, NOW + 605_000)
    expect(await next(NOW + 600_000)).toEqual([1, undefined, 605_000])
    await store.write(() => deliveries.retryEarly(QUEUE))
    expect(await next(NOW + 600_000)).toEqual([1, 1, 600_000])
    await fail(1, NOW, NOW + 3_600_000)
    expect(await next(NOW + 600_000)).toEqual([1, 2, 600_000])
  })

  test('what holds nothing is looked at when it is due', async () => {
    const { fail, next } = await setUp(1)
    await fail(1, NOW, NOW + 3_600_000)
    expect(await next()).toEqual([1, undefined, 3_600_000])
    // A clock that was set back.
    expect(await next(NOW - PATIENCE.longestMs)).toEqual([1, 1, -PATIENCE.longestMs])
  })

  test('what is asked for again is not settled by an attempt that had begun', async () => {
    const { store } = await setUp(1)
    const begun = await store.read(() => deliveries.head(QUEUE))
    if (!begun) throw new Error('Nothing is owed.')
    await store.write(() => replays.redeliver('s', 'w', [begun.eventId], NOW + 7))
    const done = { ...begun, state: 'done' as const }
    expect(await store.write(() => deliveries.settle(begun, done, attempt))).toBe(false)
    expect(await store.read(() => deliveries.byEvent('s', 'w', begun.eventId))).toMatchObject({
      state: 'pending',
      nextAt: NOW + 7,
      asked: 1,
      log: [attempt],
    })
    expect(await store.write(() => deliveries.settle({ ...begun, seq: 99 }, done, attempt))).toBe(false)
  })

  test('a replay makes deliveries, begins those anew that there are, and goes on page by page', async () => {
    const { store, fail } = await setUp(5)
    await fail(1, NOW, NOW + 3_600_000)
    const replay = (webhook: string, chosen: Partial<replays.Selection>, limit = 99) =>
      store.write(() => replays.replay('s', webhook, { after: 0, last: 4, ...chosen }, { limit, at: NOW + 1 }))
    expect(await replay('w', {}, 3)).toEqual({ count: 3, last: 3 })
    expect(await replay('w', { after: 3 }, 3)).toEqual({ count: 1, last: 4 })
    const states = await store.read(() =>
      rows('SELECT seq, attempts, failed_at, next_at, asked FROM deliveries ORDER BY seq'),
    )
    expect(states).toEqual(
      [1, 2, 3, 4, 5].map((seq) => ({
        seq,
        attempts: 0,
        failed_at: null,
        next_at: seq < 5 ? NOW + 1 : NOW,
        asked: seq < 5 ? 1 : 0,
      })),
    )
    expect(await replay('new', { since: 2, until: 4, events: ['logged_out', 'ready'] })).toEqual({ count: 2, last: 3 })
    expect(
      (await store.read(() => deliveries.list('s', 'new', { before: 9, limit: 9 }))).map(({ seq }) => seq),
    ).toEqual([3, 2])
    expect(await store.read(() => deliveries.queuesOf('s', 'new'))).toEqual([{ ...QUEUE, webhook: 'new' }])
    expect(await replay('new', { events: [] })).toEqual({ count: 0, last: 4 })
    expect(await replay('w', { state: 'dead' })).toEqual({ count: 0, last: 4 })
    expect(await replay('w', { state: 'pending' })).toMatchObject({ count: 4 })
  })

  test('which of some ids cannot be delivered again is known beforehand', async () => {
    const { store } = await setUp(2)
    const [first = '', second = ''] = (await store.read(() => journal.after('s', 0, 9))).map(({ id }) => id)
    await store.write(function* () {
      yield* journal.append('s', 'logged_out', 'c', 3, { cause: '401', timestamp: 3 })
      yield { sql: 'DELETE FROM events WHERE seq = 1', params: [] }
    })
    expect(await store.read(() => replays.missing('s', 'w', [first, second, 'evt_none']))).toEqual({
      unknown: ['evt_none'],
      pruned: [first],
    })
  })
})
