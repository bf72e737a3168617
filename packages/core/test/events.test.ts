import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Announcer, Teller } from '../src/events.ts'
import type { Logger } from '../src/options.ts'
import type { EventEnvelope } from '../src/shared.ts'
import * as journal from '../src/stores/sql/journal.ts'
import * as sessions from '../src/stores/sql/sessions.ts'
import type { Store } from '../src/stores/store.ts'
import { memory } from './stores/open.ts'

function quiet() {
  const errors: unknown[] = []
  const logger: Logger = { debug() {}, info() {}, warn() {}, error: (facts) => void errors.push(facts) }
  return { errors, logger }
}
const loggedOut = (seq: number): EventEnvelope<'logged_out'> => ({
  id: `evt_${seq}`,
  event: 'logged_out',
  sessionId: 's',
  seq,
  timestamp: 1,
  data: { cause: '401', timestamp: 1 },
})

describe('listeners', () => {
  test('hear of an event under its name and under "event"', () => {
    const teller = new Teller(quiet().logger)
    const heard: string[] = []
    teller.on('logged_out', ({ data }) => void heard.push(data.cause))
    teller.on('event', ({ event }) => void heard.push(event))
    teller.on('ready', () => void heard.push('never'))
    teller.tell(loggedOut(1))
    expect(heard).toEqual(['401', 'logged_out'])
  })
  test('that throw or reject are reported, and the others hear all the same', async () => {
    const { errors, logger } = quiet()
    const teller = new Teller(logger)
    const heard: string[] = []
    teller.on('logged_out', () => {
      throw new Error('thrown')
    })
    teller.on('logged_out', async () => {
      throw new Error('rejected')
    })
    teller.on('logged_out', () => void heard.push('heard'))
    expect(() => teller.tell(loggedOut(1))).not.toThrow()
    await new Promise((resolve) => setImmediate(resolve))
    expect(heard).toEqual(['heard'])
    expect(errors).toEqual([
      { event: 'logged_out', error: new Error('thrown') },
      { event: 'logged_out', error: new Error('rejected') },
    ])
  })
  test('for once hear once, also when they tell something themselves', () => {
    const teller = new Teller(quiet().logger)
    let heard = 0
    teller.once('logged_out', () => {
      heard++
      if (heard < 5) teller.tell(loggedOut(2))
    })
    teller.tell(loggedOut(1))
    expect(heard).toBe(1)
    expect(teller.listenerCount('logged_out')).toBe(0)
  })
  test('that were taken off hear nothing', () => {
    const teller = new Teller(quiet().logger)
    let heard = 0
    const listener = () => void heard++
    teller.on('logged_out', listener)
    teller.off('logged_out', listener)
    teller.tell(loggedOut(1))
    expect(heard).toBe(0)
  })
})

describe('the journal is announced', () => {
  const append = (store: Store) =>
    store.write(() => journal.append('s', 'logged_out', null, 1, { cause: '401', timestamp: 1 }))
  async function begun(announced = 0) {
    const store = await memory()
    const row = { id: 's', name: 's', wanted: 'running' as const, ended: null, account: null, announced, createdAt: 1 }
    await store.write(() => sessions.insert(row))
    const { told, reports, announcer } = announcing(store, announced)
    return { store, told, reports, announcer }
  }
  function announcing(store: Store, announced: number) {
    const told: (number | null)[] = []
    const reports: unknown[] = []
    const announcer = new Announcer({
      store,
      session: 's',
      announced,
      tell: ({ seq }) => void told.push(seq),
      report: (error) => void reports.push(error),
    })
    return { told, reports, announcer }
  }
  const saved = async (store: Store) => (await store.read(() => sessions.all()))[0]?.announced

  test('in order, each once, however often it is rung', async () => {
    const { store, told, announcer } = await begun()
    for (let event = 0; event < 450; event++) {
      await append(store)
      if (event % 7 === 0) announcer.ring()
      if (event % 11 === 0) for (let ring = 0; ring < 3; ring++) announcer.ring()
    }
    await announcer.stop()
    expect(told).toEqual(Array.from({ length: 450 }, (_, index) => index + 1))
    expect(await saved(store)).toBe(450)
  })
  test('from where the last process came to: nothing twice after an orderly stop', async () => {
    const { store, told, announcer } = await begun()
    await append(store)
    announcer.ring()
    await announcer.stop()
    await append(store)
    const next = announcing(store, (await saved(store)) ?? 0)
    next.announcer.ring()
    await next.announcer.stop()
    expect([told, next.told]).toEqual([[1], [2]])
  })
  test('after a crash, again: what was not noted as told is told once more, and nothing is left out', async () => {
    const { store, told } = await begun()
    await append(store)
    await append(store)
    const next = announcing(store, (await saved(store)) ?? 0)
    next.announcer.ring()
    await next.announcer.stop()
    expect([told, next.told]).toEqual([[], [1, 2]])
  })
  test('a journal that could not be read is read again, though nobody rings', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const store = await memory()
    await append(store)
    let isBroken = true
    const { told, reports, announcer } = announcing(
      {
        read: (work) => (isBroken ? Promise.reject(new Error('the store broke')) : store.read(work)),
        write: (work) => store.write(work),
        close: () => store.close(),
      },
      0,
    )
    announcer.ring()
    await vi.waitFor(() => expect(reports).toHaveLength(1))
    isBroken = false
    await vi.advanceTimersByTimeAsync(1_000)
    expect(told).toEqual([1])
    await announcer.stop()
  })
  test('what a listener causes is told after what it was told', async () => {
    const store = await memory()
    const told: (number | null)[] = []
    const announcer: Announcer = new Announcer({
      store,
      session: 's',
      announced: 0,
      tell: ({ seq }) => {
        told.push(seq)
        if (seq === 1) void append(store).then(() => announcer.ring())
      },
      report: (error) => {
        throw error
      },
    })
    await append(store)
    await append(store)
    announcer.ring()
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    await announcer.stop()
    expect(told).toEqual([1, 2, 3])
  })
  test('a store that fails is reported, and the next ring tells what is there', async () => {
    const { store, told, reports, announcer } = await begun()
    await append(store)
    await store.write(function* () {
      yield { sql: 'ALTER TABLE events RENAME TO gone', params: [] }
    })
    announcer.ring()
    await new Promise((resolve) => setImmediate(resolve))
    expect(reports).toHaveLength(1)
    await store.write(function* () {
      yield { sql: 'ALTER TABLE gone RENAME TO events', params: [] }
    })
    announcer.ring()
    await announcer.stop()
    expect(told).toEqual([1])
  })
})
