import { describe, expect, test } from 'vitest'
import type { SessionInfo } from '../../src/shared.ts'
import * as apiKeys from '../../src/stores/sql/api-keys.ts'
import * as deliveries from '../../src/stores/sql/deliveries.ts'
import * as journal from '../../src/stores/sql/journal.ts'
import * as keys from '../../src/stores/sql/keys.ts'
import * as outbox from '../../src/stores/sql/outbox.ts'
import * as ports from '../../src/stores/sql/ports.ts'
import * as sessions from '../../src/stores/sql/sessions.ts'
import * as webhooks from '../../src/stores/sql/webhooks.ts'
import { rows, run, type Store } from '../../src/stores/store.ts'
import { memory } from './open.ts'

const DAY_MS = 24 * 60 * 60_000
const event = (seq: number) => ({ seq, id: `evt_${seq}`, event: 'logged_out' as const })
const append = (store: Store, session: string, timestamp = 1) =>
  store.write(() => journal.append(session, 'logged_out', null, timestamp, { cause: '401', timestamp }))

describe('the journal', () => {
  test('counts from 1 without a gap, per session', async () => {
    const store = await memory()
    expect(await store.read(() => journal.newest('a'))).toBe(0)
    await Promise.all([append(store, 'a'), append(store, 'b'), append(store, 'a'), append(store, 'a')])
    await append(store, 'a')
    expect((await store.read(() => journal.after('a', 0, 99))).map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
    expect((await store.read(() => journal.after('b', 0, 99))).map(({ seq }) => seq)).toEqual([1])
    expect(await store.read(() => journal.newest('a'))).toBe(4)
  })
  test('has no gap where a work was undone', async () => {
    const store = await memory()
    const results = await Promise.allSettled([
      append(store, 'a'),
      store.write(function* () {
        yield* journal.append('a', 'logged_out', null, 2, { cause: 'undone', timestamp: 2 })
        throw new Error('undone')
      }),
      append(store, 'a'),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    const entries = await store.read(() => journal.after('a', 0, 9))
    expect(entries.map(({ seq, data }) => [seq, data])).toEqual([
      [1, { cause: '401', timestamp: 1 }],
      [2, { cause: '401', timestamp: 1 }],
    ])
  })
  test('is read on from a place, a few at a time', async () => {
    const store = await memory()
    for (let index = 0; index < 5; index++) await append(store, 'a', index)
    const read = async (seq: number) => (await store.read(() => journal.after('a', seq, 2))).map((entry) => entry.seq)
    expect([await read(0), await read(2), await read(4), await read(5)]).toEqual([[1, 2], [3, 4], [5], []])
  })
  test('gives every event an id of its own', async () => {
    const store = await memory()
    for (let index = 0; index < 50; index++) await append(store, 'a')
    const ids = (await store.read(() => journal.after('a', 0, 99))).map(({ id }) => id)
    expect(new Set(ids).size).toBe(50)
    for (const id of ids) expect(id).toMatch(/^evt_[0-9a-f-]{36}$/)
  })
})

describe('the outbox', () => {
  const entry = (id: string, changes: Partial<Parameters<typeof outbox.accept>[1]> = {}) => ({
    id,
    account: '4911111111',
    chat: '4922222222@c.us',
    phone: '4922222222',
    batch: null,
    batchIndex: null,
    body: new Uint8Array([1, 2, 3]),
    relay: '{"edit":"1"}',
    acceptedAt: 100,
    deadline: 200,
    sendAt: null,
    typing: false,
    priority: 'normal' as const,
    ...changes,
  })
  const accept = (store: Store, id: string, changes = {}) => store.write(() => outbox.accept('s', entry(id, changes)))

  test('keeps what was accepted as it was, in order', async () => {
    const store = await memory()
    expect(await accept(store, 'A')).toMatchObject({ n: 1, state: 'queued', ack: 0, code: null, asksForDevices: false })
    await accept(store, 'B')
    await accept(store, 'C', { chat: '12345@lid' })
    const waiting = await store.read(() => outbox.unsettled('s'))
    expect(waiting.map(({ id, n }) => [id, n])).toEqual([
      ['A', 1],
      ['B', 2],
      ['C', 3],
    ])
    const { body, ...kept } = (await store.read(() => outbox.byId('s', 'A'))) ?? { body: new Uint8Array() }
    expect([...body]).toEqual([1, 2, 3])
    expect(kept).toEqual({
      ...entry('A'),
      body: undefined,
      n: 1,
      state: 'queued',
      ack: 0,
      code: null,
      asksForDevices: false,
      tries: 0,
      retryAt: null,
    })
  })
  test('refuses an id that it has, and a batch with one of them keeps nothing', async () => {
    const store = await memory()
    await accept(store, 'A')
    await expect(accept(store, 'A')).rejects.toThrow('UNIQUE')
    const batch = store.write(function* () {
      for (const id of ['B', 'C', 'A']) yield* outbox.accept('s', entry(id, { batch: 'b' }))
    })
    await expect(batch).rejects.toThrow('UNIQUE')
    expect((await store.read(() => outbox.unsettled('s'))).map(({ id }) => id)).toEqual(['A'])
  })
  test('settles once', async () => {
    const store = await memory()
    await accept(store, 'A')
    const settle = (state: outbox.OutboxState, code: 'WHATSAPP_REJECTED' | null) =>
      store.write(() => outbox.settle('s', 'A', state, code))
    expect([
      await settle('sent', null),
      await settle('failed', 'WHATSAPP_REJECTED'),
      await settle('sent', null),
    ]).toEqual([true, false, false])
    expect(await store.read(() => outbox.byId('s', 'A'))).toMatchObject({ state: 'sent', code: null })
    expect(await store.read(() => outbox.unsettled('s'))).toEqual([])
    expect(await store.write(() => outbox.settle('s', 'nobody', 'sent', null))).toBe(false)
  })
  test('acks only rise', async () => {
    const store = await memory()
    await accept(store, 'A')
    for (const ack of [2, 1, 3, 2]) await store.write(() => outbox.raiseAck('s', 'A', ack))
    expect(await store.read(() => outbox.byId('s', 'A'))).toMatchObject({ ack: 3 })
  })
  test('knows a batch in the order of its items', async () => {
    const store = await memory()
    for (const [index, id] of ['C', 'A', 'B'].entries()) await accept(store, id, { batch: 'b', batchIndex: index })
    await accept(store, 'D', { batch: 'other', batchIndex: 0 })
    expect((await store.read(() => outbox.ofBatch('s', 'b'))).map(({ id, batchIndex }) => [id, batchIndex])).toEqual([
      ['C', 0],
      ['A', 1],
      ['B', 2],
    ])
    expect(await store.read(() => outbox.ofBatch('s', 'none'))).toEqual([])
    expect(await store.read(() => outbox.ofBatch('other', 'b'))).toEqual([])
  })
  test('says how much waits, and since when', async () => {
    const store = await memory()
    expect(await store.read(() => outbox.waiting())).toEqual({ count: 0, oldestAt: null })
    await accept(store, 'A', { acceptedAt: 50 })
    await accept(store, 'B', { acceptedAt: 40 })
    await store.write(() => outbox.accept('other', entry('A', { acceptedAt: 10 })))
    expect(await store.read(() => outbox.waiting('s'))).toEqual({ count: 2, oldestAt: 40 })
    expect(await store.read(() => outbox.waiting())).toEqual({ count: 3, oldestAt: 10 })
    await store.write(() => outbox.settle('s', 'B', 'sent', null))
    expect(await store.read(() => outbox.waiting('s'))).toEqual({ count: 1, oldestAt: 50 })
  })
})

test('a session whose row is damaged keeps no other from being read, and stays linked to somebody', async () => {
  const store = await memory()
  const row = { name: 'n', wanted: 'running', ended: null, announced: 0, createdAt: 1 } as const
  const account = { phone: '491700000001', lid: null, name: 'Erika' }
  for (const id of ['a', 'b']) await store.write(() => sessions.insert({ id, ...row, account }))
  await store.write(() => run("UPDATE sessions SET account = '{\"ph', ended = '}', wanted = 'runming' WHERE id = 'a'"))
  expect(await store.read(() => sessions.all())).toEqual([
    { id: 'a', ...row, account: { phone: '', lid: null, name: '' } },
    { id: 'b', ...row, account },
  ])
})

describe('keys', () => {
  test('of many ids at once: what is stored is found, what is not is missing', async () => {
    const store = await memory()
    const ids = Array.from({ length: 1_201 }, (_, index) => `${index}`)
    await store.write(function* () {
      for (const id of ids) if (id !== '600') yield* keys.put('s', 'pre-key', id, `v${id}`)
    })
    const found = await store.read(() => keys.get('s', 'pre-key', ids))
    expect(found.size).toBe(1_200)
    expect(found.has('600')).toBe(false)
    expect(found.get('1200')).toBe('v1200')
    expect((await store.read(() => keys.get('s', 'pre-key', []))).size).toBe(0)
  })
  test('one that is damaged, or is another row, is an error that names it; the bytes stay', async () => {
    const store = await memory()
    const value = JSON.stringify({ key: 'a'.repeat(40) })
    for (const id of ['a', 'b']) await store.write(() => keys.put('s', 'session', id, id + value))
    const get = (id: string) => store.read(() => keys.get('s', 'session', [id]))
    const damage = async (sql: string, ...params: string[]) => {
      await store.write(() => run(sql, ...params))
      await expect(get('a')).rejects.toMatchObject({
        code: 'CREDENTIALS_UNREADABLE',
        details: { id: 's', row: 'session/a' },
      })
    }
    for (let bit = 0; bit < 40; bit++) {
      const bytes = Buffer.from(`a${value}`)
      bytes[bit] = (bytes[bit] ?? 0) ^ (1 << (bit % 7))
      await damage("UPDATE keys SET value = ? WHERE id = 'a'", bytes.toString('latin1'))
    }
    await damage(
      "UPDATE keys SET value = (SELECT value FROM keys WHERE id = 'b'), sum = (SELECT sum FROM keys WHERE id = 'b') WHERE id = 'a'",
    )
    expect((await get('b')).get('b')).toBe(`b${value}`)
    await store.write(() => keys.put('s', 'session', 'a', 'anew'))
    expect((await get('a')).get('a')).toBe('anew')
    // What was written before there were sums.
    await store.write(() => run("UPDATE keys SET value = 'old', sum = NULL WHERE id = 'a'"))
    expect((await get('a')).get('a')).toBe('old')
  })
  test('put over one replaces it, null deletes it', async () => {
    const store = await memory()
    for (const value of ['1', '2', null, null]) await store.write(() => keys.put('s', 'session', 'a', value))
    expect((await store.read(() => keys.get('s', 'session', ['a']))).size).toBe(0)
  })
  test('ids are found by their beginning, and only by that', async () => {
    const store = await memory()
    for (const id of ['4915.0', '4915.12', '4915_1.0', '49150.0', '491.0', '14915.0'])
      await store.write(() => keys.put('s', 'session', id, 'x'))
    expect((await store.read(() => keys.idsFrom('s', 'session', '4915.'))).sort()).toEqual(['4915.0', '4915.12'])
  })
  test('are put aside at a log-out with their date, and kept for 30 days', async () => {
    const store = await memory()
    await store.write(() => keys.put('s', 'creds', 'creds', 'secret'))
    await store.write(() => keys.put('other', 'creds', 'creds', 'other'))
    await store.write(() => keys.putPlaintext('s', 'h', new Uint8Array([1]), 1))
    await store.write(() => keys.archive('s', 1_000))
    expect((await store.read(() => keys.get('s', 'creds', ['creds']))).size).toBe(0)
    expect((await store.read(() => keys.get('other', 'creds', ['creds']))).size).toBe(1)
    expect(await store.read(() => keys.plaintext('s', 'h'))).toBeUndefined()
    const archived = () => store.read(() => rows('SELECT session, archived_at, type, id, value FROM archived_keys'))
    const row = { session: 's', archived_at: 1_000, type: 'creds', id: 'creds', value: 'secret' }
    expect(await archived()).toEqual([row])
    await store.write(() => keys.dropOldArchives(1_000 + 30 * DAY_MS))
    expect(await archived()).toEqual([row])
    await store.write(() => keys.dropOldArchives(1_001 + 30 * DAY_MS))
    expect(await archived()).toEqual([])
  })
  test('two log-outs are two archives', async () => {
    const store = await memory()
    for (const at of [1, 2]) {
      await store.write(() => keys.put('s', 'creds', 'creds', `${at}`))
      await store.write(() => keys.archive('s', at))
    }
    expect(await store.read(() => rows('SELECT value FROM archived_keys ORDER BY archived_at'))).toEqual([
      { value: '1' },
      { value: '2' },
    ])
  })
  test('a plaintext is written once and kept as long as WhatsApp may deliver it again', async () => {
    const store = await memory()
    await store.write(() => keys.putPlaintext('s', 'h', new Uint8Array([1]), 1_000))
    await store.write(() => keys.putPlaintext('s', 'h', new Uint8Array([2]), 2_000))
    expect([...((await store.read(() => keys.plaintext('s', 'h'))) ?? [])]).toEqual([1])
    expect(await store.read(() => keys.plaintext('other', 'h'))).toBeUndefined()
    await store.write(() => keys.dropOldPlaintexts(1_000 + 40 * DAY_MS))
    expect(await store.read(() => keys.plaintext('s', 'h'))).toBeDefined()
    await store.write(() => keys.dropOldPlaintexts(1_001 + 40 * DAY_MS))
    expect(await store.read(() => keys.plaintext('s', 'h'))).toBeUndefined()
  })
})

describe('sessions', () => {
  const row: sessions.SessionRow = {
    id: 's',
    name: 'Taxi',
    wanted: 'running',
    ended: null,
    account: null,
    announced: 0,
    createdAt: 5,
  }
  const only = async (store: Store) => (await store.read(() => sessions.all()))[0]

  test('are kept as they are given, the oldest first', async () => {
    const store = await memory()
    const account: SessionInfo['account'] = { phone: '4911111111', lid: null, name: 'Ü' }
    await store.write(() => sessions.insert({ ...row, id: 'b', createdAt: 5, account }))
    await store.write(() => sessions.insert({ ...row, id: 'a', createdAt: 5 }))
    await store.write(() => sessions.insert({ ...row, id: 'c', createdAt: 1 }))
    const all = await store.read(() => sessions.all())
    expect(all.map(({ id }) => id)).toEqual(['c', 'a', 'b'])
    expect(all[2]).toEqual({ ...row, id: 'b', account })
    expect(await store.read(() => sessions.exists('b'))).toBe(true)
    expect(await store.read(() => sessions.exists('d'))).toBe(false)
  })
  test('who starts or stops one by hand has seen how it ended', async () => {
    const store = await memory()
    await store.write(() => sessions.insert(row))
    await store.write(() => sessions.setEnded('s', '{"name":"logged_out"}'))
    expect(await only(store)).toMatchObject({ ended: '{"name":"logged_out"}' })
    await store.write(() => sessions.setWanted('s', 'stopped'))
    expect(await only(store)).toMatchObject({ ended: null, wanted: 'stopped' })
  })
  test('what was announced only rises', async () => {
    const store = await memory()
    await store.write(() => sessions.insert(row))
    for (const seq of [7, 3]) await store.write(() => sessions.setAnnounced('s', seq))
    expect(await only(store)).toMatchObject({ announced: 7 })
  })
  test('names and accounts change', async () => {
    const store = await memory()
    await store.write(() => sessions.insert(row))
    await store.write(() => sessions.rename('s', 'Bus'))
    await store.write(() => sessions.setAccount('s', { phone: '4911111111', lid: '1@lid', name: '' }))
    expect(await only(store)).toMatchObject({ name: 'Bus', account: { phone: '4911111111', lid: '1@lid', name: '' } })
    await store.write(() => sessions.setAccount('s', null))
    expect(await only(store)).toMatchObject({ account: null })
  })
})

describe('what the server keeps beside', () => {
  test('a port belongs to one session', async () => {
    const store = await memory()
    await store.write(() => ports.set('a', 3_001))
    await expect(store.write(() => ports.set('b', 3_001))).rejects.toThrow('UNIQUE')
    await store.write(() => ports.set('a', 3_002))
    await store.write(() => ports.set('b', 3_001))
    expect(await store.read(() => ports.all())).toEqual([
      { session: 'b', port: 3_001 },
      { session: 'a', port: 3_002 },
    ])
    await store.write(() => ports.remove('a'))
    expect(await store.read(() => ports.get('a'))).toBeNull()
  })
  test('an API key is revoked once, and only by its session', async () => {
    const store = await memory()
    await store.write(() => apiKeys.add({ id: 'k', session: 's', hash: 'h', createdAt: 1 }))
    expect(await store.write(() => apiKeys.revoke('other', 'k', 2))).toBe(false)
    expect(await store.read(() => apiKeys.find('k'))).toMatchObject({ revokedAt: null })
    expect(await store.write(() => apiKeys.revoke('s', 'k', 3))).toBe(true)
    expect(await store.write(() => apiKeys.revoke('s', 'k', 4))).toBe(true)
    expect(await store.read(() => apiKeys.list('s'))).toEqual([
      { id: 'k', session: 's', hash: 'h', createdAt: 1, revokedAt: 3 },
    ])
  })
  test('a new webhook begins with the next event; one that is replaced keeps its place', async () => {
    const store = await memory()
    await append(store, 's')
    await append(store, 's')
    const settings: webhooks.WebhookSettings = {
      ...webhooks.PLAIN,
      name: 'n',
      url: 'https://a',
      events: ['message'],
      headers: { a: 'b' },
      secret: 'x',
      changedAt: 1,
    }
    await store.write(() => webhooks.set('s', 'w', settings))
    const made = { ...settings, session: 's', id: 'w', cursor: 2, createdAt: 1 }
    expect(await store.read(() => webhooks.get('s', 'w'))).toEqual(made)
    await append(store, 's')
    await store.write(() => webhooks.set('s', 'w', { ...settings, url: 'https://b', secret: null, changedAt: 2 }))
    expect(await store.read(() => webhooks.get('s', 'w'))).toEqual({
      ...made,
      url: 'https://b',
      secret: null,
      changedAt: 2,
    })
    await store.write(() => webhooks.set('s', 'v', { ...settings, changedAt: 3 }))
    expect((await store.read(() => webhooks.ofSession('s'))).map(({ id, cursor }) => [id, cursor])).toEqual([
      ['w', 2],
      ['v', 3],
    ])
    expect(await store.read(() => webhooks.ofSession('other'))).toEqual([])
  })
  test('deliveries of a webhook and chat follow each other, and what is given up does not hold them up', async () => {
    const store = await memory()
    const queue = { session: 's', webhook: 'w', chat: 'c' }
    await store.write(function* () {
      yield* webhooks.set('s', 'w', { ...webhooks.PLAIN, name: '', url: '', changedAt: 1 })
      for (const seq of [1, 2]) yield* deliveries.add(queue, event(seq), 0)
      yield* deliveries.add({ ...queue, chat: '' }, event(3), 0)
      yield* deliveries.add({ ...queue, webhook: 'gone' }, event(1), 0)
    })
    const head = () => store.read(() => deliveries.head(queue))
    const settle = async (next: Pick<deliveries.DeliveryRow, 'state' | 'attempts' | 'nextAt' | 'failedAt'>) => {
      const delivery = await head()
      if (delivery) await store.write(() => deliveries.settle(delivery, next, attempt))
    }
    const attempt = { at: 5, durationMs: 1, status: 503, error: 'HTTP 503' }
    expect(await store.read(() => deliveries.queues())).toHaveLength(2)
    await settle({ state: 'pending', attempts: 1, nextAt: 500, failedAt: 5 })
    expect(await head()).toMatchObject({ seq: 1, attempts: 1, nextAt: 500, failedAt: 5, log: [attempt] })
    await store.write(() => deliveries.hurry('s', 'w', 10))
    expect(await head()).toMatchObject({ seq: 1, nextAt: 10 })
    await settle({ state: 'dead', attempts: 2, nextAt: 1_000, failedAt: 5 })
    expect(await store.read(() => deliveries.get('s', 'w', 1))).toMatchObject({
      state: 'dead',
      log: [attempt, attempt],
    })
    expect(await head()).toMatchObject({ seq: 2, attempts: 0 })
    await settle({ state: 'done', attempts: 0, nextAt: 900, failedAt: null })
    expect(await head()).toBeUndefined()
    await store.write(() => deliveries.prune(1_001, 900))
    expect(await store.read(() => rows('SELECT webhook, seq FROM deliveries ORDER BY seq, webhook'))).toEqual([
      { webhook: 'gone', seq: 1 },
      { webhook: 'w', seq: 2 },
      { webhook: 'w', seq: 3 },
    ])
  })
  test('a webhook that is enabled holds the events that it has still to be told of', async () => {
    const store = await memory()
    for (const at of [1, 2, 3]) await append(store, 's', at)
    const settings = { ...webhooks.PLAIN, name: '', url: '', changedAt: 1 }
    await store.write(function* () {
      yield* webhooks.set('s', 'w', settings)
      yield* deliveries.add({ session: 's', webhook: 'w', chat: '' }, event(2), 0)
      yield* journal.prune('s', 100)
    })
    const kept = async () => (await store.read(() => journal.after('s', 0, 9))).map(({ seq }) => seq)
    expect(await kept()).toEqual([2, 3])
    await store.write(function* () {
      yield* webhooks.disable('s', 'w', 'gone')
      yield* journal.prune('s', 100)
    })
    expect(await kept()).toEqual([3])
    expect(await store.read(() => webhooks.get('s', 'w'))).toMatchObject({ enabled: false, disabledReason: 'gone' })
  })
})
