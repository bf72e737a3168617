import { mkdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Logger } from '../src/options.ts'
import { SessionManager } from '../src/session-manager.ts'
import * as journal from '../src/stores/sql/journal.ts'
import * as sessions from '../src/stores/sql/sessions.ts'
import * as settings from '../src/stores/sql/settings.ts'
import { openMemoryStore } from '../src/stores/sqlite/store.ts'
import type { Store } from '../src/stores/store.ts'
import { newFolder } from './stores/open.ts'

const logger: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const stopped = (id: string): sessions.SessionRow => ({
  id,
  name: id,
  wanted: 'stopped',
  ended: null,
  account: null,
  announced: 0,
  createdAt: 1,
})
function managing(options: ConstructorParameters<typeof SessionManager>[0]) {
  const manager = new SessionManager({ logger, ...options })
  onTestFinished(() => manager.stop())
  return manager
}

/** A real store whose writes can be made to fail, with sessions that rest. */
async function failing(...ids: string[]) {
  const inner = await openMemoryStore()
  for (const id of ids) await inner.write(() => sessions.insert(stopped(id)))
  const control = { fails: false, closed: 0 }
  const store: Store = {
    read: (work) => inner.read(work),
    write: (work) => (control.fails ? Promise.reject(new Error('the disk is gone')) : inner.write(work)),
    close: async () => {
      control.closed++
      await inner.close()
    },
  }
  return { store, control }
}

test('a start that failed gives the folder back: the next one works', async () => {
  const data = newFolder()
  // A folder where the look-ups should be: a file that cannot be opened.
  mkdirSync(join(data, 'lookups.db'))
  const manager = managing({ data })
  await expect(manager.start()).rejects.toThrow()
  rmSync(join(data, 'lookups.db'), { recursive: true })
  await manager.start()
  expect(manager.sessions()).toEqual([])
})

test('starts that come together are one, and after a stop there may be another', async () => {
  const manager = managing({ data: newFolder() })
  await Promise.all([manager.start(), manager.start()])
  await Promise.all([manager.stop(), manager.stop()])
  expect(() => manager.store).toThrow(expect.objectContaining({ code: 'STOPPING' }))
  await manager.start()
  await manager.stop()
})

test('a second manager on the same folder is refused', async () => {
  const data = newFolder()
  await managing({ data }).start()
  await expect(managing({ data }).start()).rejects.toMatchObject({ code: 'STORE_FAILED' })
})

describe('a store that fails', () => {
  test('while stopping does not keep the store open', async () => {
    const { store, control } = await failing('a', 'b')
    const manager = managing({ store })
    await store.write(() => journal.append('a', 'logged_out', null, 1, { cause: '401', timestamp: 1 }))
    const told = new Promise((resolve) => manager.on('logged_out', resolve))
    await manager.start()
    await told
    control.fails = true // what was told can no longer be noted
    await manager.stop()
    expect(control.closed).toBe(1)
  })

  test('while removing leaves the session to be removed again', async () => {
    const { store, control } = await failing('a')
    const manager = managing({ store })
    await manager.start()
    control.fails = true
    await expect(manager.remove('a')).rejects.toThrow('the disk is gone')
    expect(await store.read(() => sessions.exists('a'))).toBe(true)
    control.fails = false
    await manager.remove('a')
    expect(await store.read(() => sessions.exists('a'))).toBe(false)
    expect(() => manager.session('a')).toThrow(expect.objectContaining({ code: 'INSTANCE_NOT_FOUND' }))
  })
})

describe('a session', () => {
  test('is refused under a hostile or a long id', async () => {
    const manager = managing({ store: (await failing()).store })
    await manager.start()
    for (const id of ['', 'a/b', '../a', 'a b', 'ä', '__proto__\u0000', "'", 'x'.repeat(65)])
      await expect(manager.create({ id }), id).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    expect(manager.sessions()).toEqual([])
  })
  test('is not made twice', async () => {
    const manager = managing({ store: (await failing('a')).store })
    await manager.start()
    await expect(manager.create({ id: 'a' })).rejects.toMatchObject({ code: 'INSTANCE_EXISTS', details: { id: 'a' } })
  })
  test('is made with what belongs to it, or not at all', async () => {
    const { store } = await failing()
    const manager = managing({ store })
    await manager.start()
    const created = manager.create({
      id: 'a',
      *setup() {
        yield* settings.set('port of a', '3001')
        throw new Error('no port is free')
      },
    })
    await expect(created).rejects.toThrow('no port is free')
    expect(await store.read(() => settings.get('port of a'))).toBeUndefined()
    expect(await store.read(() => sessions.all())).toEqual([])
    expect(manager.sessions()).toEqual([])
  })
  test('has its new name at once and after a restart', async () => {
    const { store } = await failing('a')
    const manager = managing({ store })
    await manager.start()
    await manager.rename('a', 'Taxi')
    expect(manager.session('a').snapshot()).toMatchObject({ name: 'Taxi', state: 'stopped' })
    expect(await store.read(() => sessions.all())).toMatchObject([{ name: 'Taxi' }])
  })
})

describe('dialling', () => {
  /** Nobody listens there. */
  const baileys = { waWebSocketUrl: new URL('ws://127.0.0.1:1/') }
  const dialOf = (store: Store) => store.read(() => sessions.lastDial('a'))
  const open = async (attempt: number) => {
    const store = await openMemoryStore()
    await store.write(function* () {
      yield* sessions.insert({ ...stopped('a'), wanted: 'running' })
      yield* sessions.setDial('a', { attempt, at: Date.now() })
    })
    // The manager does not close what the next one goes on with.
    const kept: Store = { read: (work) => store.read(work), write: (work) => store.write(work), close: async () => {} }
    const backoff = { firstMs: 60_000, longestMs: 60_000 }
    return { store: kept, manager: managing({ store: kept, baileys, backoff }) }
  }

  test('is counted before it happens, and goes on in the next process', async () => {
    const { store, manager } = await open(0)
    const lost = new Promise<void>((resolve) => {
      manager.on('state', ({ data }) => data.state === 'waiting' && resolve())
    })
    await manager.start()
    await lost
    expect(await dialOf(store)).toMatchObject({ attempt: 1, at: expect.closeTo(Date.now(), -5) })
    await manager.stop()
    // What waits is not stopped by us: it waits on.
    expect(await dialOf(store)).toMatchObject({ attempt: 1 })
  })

  test('waits as long as the process before it would have', async () => {
    const { store, manager } = await open(40)
    await manager.start()
    await expect.poll(() => manager.session('a').snapshot().state).toBe('waiting')
    expect(manager.session('a').snapshot().retryAt).toBeLessThanOrEqual(Date.now() + 60_000)
    expect(await dialOf(store)).toMatchObject({ attempt: 40 })
    // Whoever starts it by hand does not wait.
    await manager.session('a').start()
    await expect.poll(() => dialOf(store)).toMatchObject({ attempt: 1 })
  })

  test('is not counted when we end it ourselves', async () => {
    const { store, manager } = await open(0)
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    onTestFinished(() => void silent.close())
    await new Promise((listening) => silent.once('listening', listening))
    const { port } = silent.address() as { port: number } // a TCP server's address
    baileys.waWebSocketUrl.port = String(port)
    await manager.start()
    await expect.poll(() => dialOf(store)).toMatchObject({ attempt: 1 })
    await manager.stop()
    expect(await dialOf(store)).toMatchObject({ attempt: 0 })
  })
})

test('rates and waits that make no sense are refused before anything starts', () => {
  const options = [
    { connectsPerSecond: 0 },
    { connectsPerSecond: Number.NaN },
    { backoff: { firstMs: 2, longestMs: 1 } },
  ]
  for (const one of options)
    expect(() => new SessionManager(one)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
})

test('pacing that makes no sense is refused before anything starts', () => {
  for (const pacing of [
    { minMs: -1, maxMs: 5 },
    { minMs: 5, maxMs: 4 },
    { minMs: Number.NaN, maxMs: 5 },
  ])
    expect(() => new SessionManager({ pacing })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
})
