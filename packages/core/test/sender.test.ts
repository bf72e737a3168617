import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Inbox } from '../src/inbox.ts'
import type { Logger } from '../src/options.ts'
import { Outbox } from '../src/outbox.ts'
import { Pacer } from '../src/pacer.ts'
import { Reader } from '../src/reader.ts'
import { Sender } from '../src/sender.ts'
import type { Account } from '../src/shared.ts'
import * as idempotency from '../src/stores/sql/idempotency.ts'
import * as rows from '../src/stores/sql/outbox.ts'
import type { Store, Work } from '../src/stores/store.ts'
import { STORES } from './stores/open.ts'

const OWN: Account = { phone: '491700000001', lid: null, name: 'Erika' }
const MAX = '491234567890'
const DAY_MS = 24 * 60 * 60_000
const logger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** What one process makes of the data in `store`; another one makes the same of it. */
function processOn(store: Store, { sendWaitMs = 0, isConnected = (): boolean => true } = {}) {
  const account = () => OWN
  const pacer = new Pacer({ gap: { minMs: 0, maxMs: 0 } })
  const outbox = new Outbox({
    session: 's',
    store,
    pacer,
    inbox: new Inbox('s', account),
    account,
    logger,
    committed() {},
  })
  onTestFinished(() => {
    outbox.detach()
    return pacer.stop()
  })
  const sender = new Sender({
    session: 's',
    store,
    outbox,
    reader: new Reader('s', store, account),
    typing: false,
    sendWaitMs,
    assertCanSend: () => {
      if (!isConnected()) throw new Error('not connected')
    },
  })
  return { sender, outbox }
}

/** A connection whose server answers every message at once, with `error` if it is to refuse. */
const wireTo = (outbox: Outbox, store: Store, error?: string) => ({
  prepare:
    async ({ id }: { id: string }) =>
    async () =>
      outbox.acked(id, error, Date.now()),
  settle: (_: string, work: () => Work<void>) => store.write(work),
  unsent() {},
  typing: async () => {},
  exists: async () => true,
  reachout: async () => ({ isRestricted: false, until: null, reason: null }),
  lost() {},
})

/** The store of a process that ends after so many writes. */
function endingAfter(writes: number, store: Store): Store {
  let left = writes
  return {
    read: (work) => store.read(work),
    write: async (work) => {
      if (left-- <= 0) throw new Error('The process has ended.')
      return store.write(work)
    },
    close: () => store.close(),
  }
}

const accepted = async (store: Store) => (await store.read(() => rows.waiting('s'))).count

describe.each(STORES)('under one idempotency key, on %s', (_, open) => {
  const key = { idempotencyKey: 'order-4711' }

  test('a send is accepted once, and answered as the first time', async () => {
    const store = await open()
    const { sender, outbox } = processOn(store)
    const first = await sender.send(MAX, 'Hallo', key)
    expect(first.status).toBe('queued')
    let replays = 0
    expect(await sender.send(MAX, 'Hallo', { ...key, onReplay: () => replays++ })).toEqual(first)
    expect([await accepted(store), replays]).toEqual([1, 1])
    // It went out meanwhile: the answer to that request stays what it was.
    await outbox.attach(wireTo(outbox, store))
    await expect.poll(() => accepted(store)).toBe(0)
    expect(await sender.send(MAX, 'Hallo', key)).toEqual(first)
    expect(await accepted(store)).toBe(0)
  })

  test('a process that ended between accepting and answering has accepted', async () => {
    const store = await open()
    await expect(processOn(endingAfter(1, store)).sender.send(MAX, 'Hallo', key)).rejects.toThrow('has ended')
    expect(await accepted(store)).toBe(1)
    const { sender, outbox } = processOn(store)
    const first = await sender.send(MAX, 'Hallo', key)
    expect([first.status, await accepted(store)]).toEqual(['queued', 1])
    await outbox.attach(wireTo(outbox, store))
    await expect.poll(() => accepted(store)).toBe(0)
    expect(await sender.send(MAX, 'Hallo', key)).toEqual(first)
  })

  test('a failure is answered again as well, also when the process ended before it was', async () => {
    const store = await open()
    const { sender, outbox } = processOn(store, { sendWaitMs: 60_000 })
    await outbox.attach(wireTo(outbox, store, '463'))
    const failed = await sender.send(MAX, 'Hallo', key).catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 'WHATSAPP_RESTRICTED' })
    expect(await sender.send(MAX, 'Hallo', key).catch((error: unknown) => error)).toEqual(failed)
    await store.write(function* () {
      yield { sql: 'UPDATE idempotency_keys SET answer = NULL', params: [] }
    })
    await expect(processOn(store).sender.send(MAX, 'Hallo', key)).rejects.toMatchObject({ code: 'WHATSAPP_RESTRICTED' })
  })

  test('a repeat while the first runs is told so', async () => {
    const store = await open()
    const { sender, outbox } = processOn(store, { sendWaitMs: 60_000 })
    const first = sender.send(MAX, 'Hallo', key)
    await expect(sender.send(MAX, 'Hallo', key)).rejects.toMatchObject({ code: 'IDEMPOTENCY_IN_PROGRESS' })
    await expect.poll(() => accepted(store)).toBe(1)
    await outbox.attach(wireTo(outbox, store))
    const answer = await first
    expect(answer.status).toBe('sent')
    expect(await sender.send(MAX, 'Hallo', key)).toEqual(answer)
  })

  test('another request is a mistake, and does nothing', async () => {
    const store = await open()
    const { sender } = processOn(store)
    await sender.send(MAX, 'Hallo', key)
    for (const other of [
      () => sender.send(MAX, 'Hallo!', key),
      () => sender.send('491234567891', 'Hallo', key),
      () => sender.sendBulk([{ phone: MAX, message: 'Hallo' }], key),
    ]) {
      await expect(other()).rejects.toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' })
    }
    // The same number in another spelling is the same request.
    await sender.send(`+49 ${MAX.slice(2)}`, 'Hallo', key)
    expect(await accepted(store)).toBe(1)
  })

  test('a batch is accepted once, and shown as it was accepted', async () => {
    const store = await open()
    const { sender, outbox } = processOn(store)
    const items = ['eins', 'zwei'].map((message) => ({ phone: MAX, message }))
    const first = await sender.sendBulk(items, key)
    await outbox.attach(wireTo(outbox, store))
    await expect.poll(() => accepted(store)).toBe(0)
    expect(await processOn(store).sender.sendBulk(items, key)).toEqual(first)
    expect(first).toMatchObject({ total: 2, counts: { queued: 2, sent: 0 } })
    await expect(sender.sendBulk(items.toReversed(), key)).rejects.toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' })
  })

  test('a request that was refused has not used its key', async () => {
    const store = await open()
    const connection = { isOpen: false }
    const { sender } = processOn(store, { isConnected: () => connection.isOpen })
    await expect(sender.send(MAX, 'Hallo', key)).rejects.toThrow('not connected')
    await expect(sender.send('0123', 'Hallo', key)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    connection.isOpen = true
    expect((await sender.send(MAX, 'etwas anderes', key)).status).toBe('queued')
  })

  test('after a day it is a new one', async () => {
    const store = await open()
    const { sender } = processOn(store)
    const { messageId } = await sender.send(MAX, 'Hallo', key)
    await store.write(function* () {
      yield { sql: 'UPDATE idempotency_keys SET at = at - ?', params: [DAY_MS] }
    })
    expect((await sender.send(MAX, 'etwas anderes', key)).messageId).not.toBe(messageId)
    expect(await accepted(store)).toBe(2)
    await store.write(() => idempotency.dropOld(Date.now()))
    expect(await store.read(() => idempotency.find('s', key.idempotencyKey, 0))).toBeUndefined()
  })
})

test.each(['', 'a b', 'ä', '\n', 'x'.repeat(256)])('%j is no idempotency key', async (idempotencyKey) => {
  const store = await STORES[1]?.[1]()
  if (!store) throw new Error('There is no store in memory.')
  await expect(processOn(store).sender.send(MAX, 'Hallo', { idempotencyKey })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    details: { issues: [{ path: 'idempotencyKey' }] },
  })
  expect(await accepted(store)).toBe(0)
})

describe('when it is to be sent', () => {
  const HOUR_MS = 60 * 60_000
  const memory = async () => {
    const store = await STORES[1]?.[1]()
    if (!store) throw new Error('There is no store in memory.')
    return store
  }

  test('is a time to come, and the answer does not wait for it', async () => {
    const store = await memory()
    const { sender, outbox } = processOn(store, { sendWaitMs: 60_000 })
    await outbox.attach(wireTo(outbox, store))
    const sendAt = Date.now() + HOUR_MS
    const { messageId, status } = await sender.send(MAX, 'Hallo', { sendAt, priority: 'high' })
    expect(status).toBe('queued')
    expect(await store.read(() => rows.byId('s', messageId))).toMatchObject({ sendAt, priority: 'high' })
    const { batchId } = await sender.sendBulk([{ phone: MAX, message: 'eins', sendAt }], {})
    const [entry] = await store.read(() => rows.ofBatch('s', batchId))
    expect(entry).toMatchObject({ sendAt, priority: 'low' })
  })

  test('belongs to the request that an idempotency key stands for', async () => {
    const store = await memory()
    const { sender } = processOn(store)
    const sendAt = Date.now() + HOUR_MS
    const key = { idempotencyKey: 'order-4711' }
    const first = await sender.send(MAX, 'Hallo', { ...key, sendAt })
    expect(await sender.send(MAX, 'Hallo', { ...key, sendAt })).toEqual(first)
    for (const other of [{ sendAt: sendAt + 1 }, { sendAt, priority: 'low' as const }, {}]) {
      await expect(sender.send(MAX, 'Hallo', { ...key, ...other })).rejects.toMatchObject({
        code: 'IDEMPOTENCY_MISMATCH',
      })
    }
    const bulk = [{ phone: MAX, message: 'Hallo', sendAt }]
    await sender.sendBulk(bulk, { idempotencyKey: 'bulk' })
    await expect(sender.sendBulk([{ phone: MAX, message: 'Hallo' }], { idempotencyKey: 'bulk' })).rejects.toMatchObject(
      { code: 'IDEMPOTENCY_MISMATCH' },
    )
  })

  test('may have passed when the same request comes again', async () => {
    const store = await memory()
    const { sender } = processOn(store)
    const options = { idempotencyKey: 'order-4711', sendAt: Date.now() + 60_000 }
    const first = await sender.send(MAX, 'Hallo', options)
    vi.useFakeTimers({ now: Date.now() + HOUR_MS, toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    expect(await sender.send(MAX, 'Hallo', options)).toEqual(first)
  })

  test.each([
    ['sendAt', { sendAt: 1.5 }],
    ['sendAt', { sendAt: Number.NaN }],
    ['sendAt', { sendAt: '1' as unknown as number }],
    ['sendAt', { sendAt: Math.round(Date.now() / 1_000) }],
    ['sendAt', { sendAt: Date.now() + 367 * DAY_MS }],
    ['priority', { priority: 'urgent' as unknown as 'high' }],
  ])('is refused with the name of the field: %s in %j', async (path, when) => {
    const store = await memory()
    const { sender } = processOn(store)
    const issue = (name: string) => ({ code: 'INVALID_INPUT', details: { issues: [{ path: name }] } })
    await expect(sender.send(MAX, 'Hallo', when)).rejects.toMatchObject(issue(path))
    const bulk = [
      { phone: MAX, message: 'eins' },
      { phone: MAX, message: 'zwei', ...when },
    ]
    await expect(sender.sendBulk(bulk, {})).rejects.toMatchObject(issue(`messages[1].${path}`))
    expect(await accepted(store)).toBe(0)
  })
})
