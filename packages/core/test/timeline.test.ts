import { describe, expect, test } from 'vitest'
import { SEND_DEADLINE_MS } from '../src/options.ts'
import * as batches from '../src/stores/sql/batches.ts'
import * as journal from '../src/stores/sql/journal.ts'
import * as outbox from '../src/stores/sql/outbox.ts'
import * as times from '../src/stores/sql/timeline.ts'
import { run, type Store } from '../src/stores/store.ts'
import { tellStalled, timelineOf } from '../src/timeline.ts'
import { writeText } from '../src/whatsapp/write-message.ts'
import { memory, STORES } from './stores/open.ts'

const CHAT = '4922222222@c.us'
const MINUTE = 60_000

type NewEntry = Parameters<typeof outbox.accept>[1]
function accept(store: Store, id: string, at: number, changes: Partial<NewEntry> = {}) {
  const entry = { id, account: '4911111111', chat: CHAT, phone: '4922222222', body: writeText('Hallo'), relay: '{}' }
  const place = { batch: null, batchIndex: null, acceptedAt: at, deadline: at + SEND_DEADLINE_MS }
  const when = { sendAt: null, priority: 'normal' as const, typing: false }
  return store.write(() => outbox.accept('s', { ...entry, ...place, ...when, ...changes }))
}

describe('a timeline', () => {
  async function sent() {
    const store = await memory()
    await accept(store, 'A', 10_500)
    await store.write(function* () {
      yield* outbox.settle('s', 'A', 'sent', null)
      // WhatsApp counts seconds, so that its answer seems to be older than the question.
      yield* times.settled('s', 'A', 10_000, 10_800)
    })
    return store
  }
  const shown = (store: Store, id = 'A') =>
    store.read(function* () {
      const entry = yield* outbox.byId('s', id)
      return entry ? timelineOf(entry, yield* times.timesOf('s', id)) : []
    })

  test('never goes back', async () => {
    const store = await sent()
    await store.write(() => times.reached('s', 'A', 'delivered', 11_000))
    await store.write(() => times.reached('s', 'A', 'read', 12_000))
    expect(await shown(store)).toEqual([
      { state: 'queued', at: 10_500 },
      { state: 'on_wire', at: 10_800 },
      { state: 'server', at: 10_800 },
      { state: 'delivered', at: 11_000 },
      { state: 'read', at: 12_000 },
    ])
  })
  test('keeps the first time of each step, and leaves out what nobody told of', async () => {
    const store = await sent()
    for (const at of [13_000, 14_000]) await store.write(() => times.reached('s', 'A', 'read', at))
    expect((await shown(store)).slice(3)).toEqual([{ state: 'read', at: 13_000 }])
  })
  test('of a row that is older than timelines says what is known', async () => {
    const store = await memory()
    await accept(store, 'A', 1_000)
    await store.write(() => outbox.settle('s', 'A', 'sent', null))
    expect((await shown(store)).map(({ state }) => state)).toEqual(['queued', 'server'])
  })
  test('ends with what became of a message that was not sent', async () => {
    for (const [state, code] of [
      ['failed', 'WHATSAPP_REJECTED'],
      ['expired', 'EXPIRED'],
      ['cancelled', null],
    ] as const) {
      const store = await memory()
      await accept(store, 'A', 1_000)
      await store.write(function* () {
        yield* outbox.settle('s', 'A', state, code)
        yield* times.settled('s', 'A', 2_000, null)
      })
      expect(await shown(store)).toEqual([
        { state: 'queued', at: 1_000 },
        { state, at: 2_000 },
      ])
    }
  })
})

describe('what waits for long', () => {
  const look = async (store: Store, now: number, onWire: string[] = []) => {
    await store.write(() => tellStalled('s', 10 * MINUTE, now, (id) => onWire.includes(id)))
    const events = await store.read(() => journal.after('s', 0, 99, ['message_stalled']))
    return events.map(({ data }) => ('state' in data && 'id' in data ? `${data.id} ${data.state}` : ''))
  }

  test('is told once, the oldest first', async () => {
    const store = await memory()
    await accept(store, 'B', 2 * MINUTE)
    await accept(store, 'A', MINUTE)
    await accept(store, 'C', 5 * MINUTE)
    expect(await look(store, 10 * MINUTE)).toEqual([])
    for (const now of [12, 13, 14]) expect(await look(store, now * MINUTE, ['A'])).toEqual(['A on_wire', 'B queued'])
    expect(await look(store, 15 * MINUTE)).toEqual(['A on_wire', 'B queued', 'C queued'])
  })
  test.each(STORES)('is told in the order of the queue where all was accepted at once, in %s', async (_name, open) => {
    const store = await open()
    for (const id of ['C', 'A', 'B']) await accept(store, id, MINUTE)
    // A row that changes goes to another place, and a database that knows its tables reads them as they lie.
    await store.write(() => outbox.setTried('s', 'C', 1, MINUTE))
    await store.write(() => run('ANALYZE outbox'))
    expect(await look(store, 12 * MINUTE)).toEqual(['C queued', 'A queued', 'B queued'])
  })
  test('is not told of what is settled', async () => {
    const store = await memory()
    await accept(store, 'A', MINUTE)
    await store.write(() => outbox.settle('s', 'A', 'sent', null))
    expect(await look(store, 60 * MINUTE)).toEqual([])
  })
  test('has time in a batch as long as the queue moves, and while the batch is paused', async () => {
    const store = await memory()
    await accept(store, 'A', MINUTE, { batch: 'b', batchIndex: 0 })
    await accept(store, 'B', MINUTE, { batch: 'b', batchIndex: 1 })
    await store.write(function* () {
      yield* outbox.settle('s', 'A', 'sent', null)
      yield* times.settled('s', 'A', 20 * MINUTE, null)
    })
    expect(await look(store, 25 * MINUTE)).toEqual([])
    await store.write(() => batches.setState('s', 'b', 'paused'))
    expect(await look(store, 60 * MINUTE)).toEqual([])
    await store.write(() => batches.setState('s', 'b', 'running'))
    expect(await look(store, 60 * MINUTE)).toEqual(['B queued'])
  })
})
