import { once } from 'node:events'
import { createServer } from 'node:net'
import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { fromText, toParameter, toPostgres } from '../../src/stores/postgres/dialect.ts'
import * as keys from '../../src/stores/sql/keys.ts'
import * as settings from '../../src/stores/sql/settings.ts'
import { row, rows, run, type Store } from '../../src/stores/store.ts'
import { cuttable } from './cuttable.ts'
import { newDatabase, postgres } from './open.ts'

const get = (store: Store, key: string) => store.read(() => settings.get(key))
const set = (store: Store, key: string, value: string) => store.write(() => settings.set(key, value))

/** Somebody else with a connection to the same database. */
async function neighbour(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

/** Ends connections from the server's side, as an administrator or a restart does. */
const cut = (client: pg.Client, which: string) =>
  client.query(
    `SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a WHERE a.application_name = current_schema() AND a.pid <> pg_backend_pid() AND a.pid IN (${which})`,
  )
const HOLDER = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = (hashtext(current_schema())::bigint & 4294967295)`
const WRITER = `SELECT pid FROM pg_stat_activity WHERE query LIKE '%RELEASE unit; COMMIT%'`

test('parameters are numbered, columns get the types of PostgreSQL, and nothing else changes', () => {
  expect(toPostgres('SELECT a FROM b WHERE c = ? AND d IN (?, ?)')).toBe(
    'SELECT a FROM b WHERE c = $1 AND d IN ($2, $3)',
  )
  expect(toPostgres('ALTER TABLE t ADD COLUMN d INTEGER')).toBe('ALTER TABLE t ADD COLUMN d BIGINT')
  expect(toPostgres('CREATE TABLE t (a TEXT PRIMARY KEY, b INTEGER, c BLOB)')).toBe(
    'CREATE TABLE t (a TEXT COLLATE "C" PRIMARY KEY, b BIGINT, c BYTEA)',
  )
})

test('NUL, which PostgreSQL cannot keep, and what stands for it come back as they were', () => {
  for (const text of ['', 'plain', 'a\0b', '\0', '\uf8ff', '\uf8ff0', '\uf8ff1', '\0\uf8ff0\0', '\uf8ff\uf8ff']) {
    const kept = String(toParameter(text))
    expect(kept).not.toContain('\0')
    expect(fromText(kept)).toBe(text)
  }
})

describe.skipIf(!process.env.WAMUX_TEST_POSTGRES)('PostgreSQL', () => {
  test('one process per database: a second one refuses, and may open it after the first has closed', async () => {
    const url = await newDatabase()
    const first = await postgres(url)
    await expect(postgres(url)).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await set(first, 'a', 'still works')
    await first.close()
    expect(await get(await postgres(url), 'a')).toBe('still works')
  })

  test('who lost the lock writes on, as long as nobody else has the database', async () => {
    const url = await newDatabase()
    const store = await postgres(url)
    await set(store, 'a', '1')
    await cut(await neighbour(url), HOLDER)
    await set(store, 'a', '2')
    expect(await get(store, 'a')).toBe('2')
  })

  test('who was cut off from the lock never writes over its successor', async () => {
    const url = await newDatabase()
    const store = await postgres(url)
    await set(store, 'a', 'first')
    const other = await neighbour(url)
    // What a second process would find that came while the first one had no lock.
    await other.query('UPDATE owner SET epoch = epoch + 1')
    await expect(set(store, 'a', 'overwritten')).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await expect(set(store, 'a', 'overwritten')).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(await get(store, 'a')).toBe('first')
  })

  test('a connection that breaks in the middle of a commit rejects what was in it, keeps nothing, and is replaced', async () => {
    const url = await newDatabase()
    const store = await postgres(url)
    const other = await neighbour(url)
    await set(store, 'before', '1')
    const results = await Promise.allSettled([
      set(store, 'half', '1'),
      store.write(function* () {
        const [own] = yield* rows<{ pid: number }>('SELECT pg_backend_pid() AS pid')
        yield* settings.set('half', '2')
        yield* run('SELECT pg_terminate_backend(?)', own?.pid ?? 0)
        yield* settings.set('half', '3')
      }),
      set(store, 'after', '1'),
    ])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect((await other.query("SELECT value FROM settings WHERE key IN ('half', 'after')")).rows).toEqual([])
    await set(store, 'after', '2')
    expect(await get(store, 'after')).toBe('2')
  })

  test('idle connections that were ended by the server are replaced', async () => {
    const url = await newDatabase()
    const store = await postgres(url)
    await set(store, 'a', '1')
    await get(store, 'a')
    const other = await neighbour(url)
    await cut(other, WRITER)
    await cut(other, `SELECT pid FROM pg_stat_activity WHERE query = 'COMMIT'`)
    // The news of its end may still be on the way when it is used: then that one write is told so, never lost in silence.
    await set(store, 'a', '2').catch(() => set(store, 'a', '2'))
    await get(store, 'a').catch(() => undefined)
    expect(await get(store, 'a')).toBe('2')
  })

  test('a connection that ends in the middle of a read ends that read, and not the process', async () => {
    const store = await postgres()
    await set(store, 'a', '1')
    const read = store.read(function* () {
      const own = yield* row<{ pid: number }>('SELECT pg_backend_pid() AS pid')
      yield* run('SELECT pg_terminate_backend(?)', own?.pid ?? 0)
    })
    await expect(read).rejects.toThrow()
    expect(await get(store, 'a')).toBe('1')
  })

  test('a read sees one moment, whatever is committed between its statements', async () => {
    const url = await newDatabase()
    const store = await postgres(url)
    await set(store, 'a', '1')
    const other = await neighbour(url)
    await other.query('SELECT pg_advisory_lock(4711)')
    const reading = store.read(function* () {
      const before = yield* settings.get('a')
      yield* rows('SELECT pg_advisory_lock_shared(4711)')
      return [before, yield* settings.get('a')]
    })
    const isWaiting = async () =>
      (await other.query(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted`))
        .rowCount
    while ((await isWaiting()) !== 1);
    await set(store, 'a', '2')
    await other.query('SELECT pg_advisory_unlock(4711)')
    expect(await reading).toEqual(['1', '1'])
    expect(await get(store, 'a')).toBe('2')
  })

  test('a read must not write', async () => {
    const store = await postgres()
    await expect(store.read(() => settings.set('a', '1'))).rejects.toThrow('A read must not write')
    expect(await get(store, 'a')).toBeUndefined()
  })

  test('writes of one turn share a commit', async () => {
    const store = await postgres()
    const ids = await Promise.all(
      ['a', 'b', 'c'].map((key) =>
        store.write(function* () {
          yield* settings.set(key, '1')
          return (yield* row<{ id: number }>('SELECT txid_current() AS id'))?.id
        }),
      ),
    )
    expect(new Set(ids).size).toBe(1)
  })

  test('prefixes find what they find in SQLite', async () => {
    const store = await postgres()
    const ids = ['491.0', '491.1', '4911.0', '491', 'Ä', 'a', 'Z']
    await store.write(function* () {
      for (const id of ids) yield* keys.put('s', 'session', id, 'x')
    })
    expect((await store.read(() => keys.idsFrom('s', 'session', '491.'))).sort()).toEqual(['491.0', '491.1'])
  })

  test('an address where nobody answers is said at once', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    await expect(postgres(`postgres://wamux@127.0.0.1:${port}/postgres`)).rejects.toMatchObject({
      code: 'STORE_FAILED',
    })
  })

  test('close writes what was given before it', async () => {
    const url = await newDatabase()
    const store = await postgres(url)
    const write = set(store, 'last', 'words')
    await store.close()
    await write
    expect(await get(await postgres(url), 'last')).toBe('words')
  })

  test('a network that is cut in the middle of everything loses no write that was confirmed', async () => {
    const url = new URL(await newDatabase())
    const proxy = await cuttable(Number(url.port))
    onTestFinished(() => proxy.close())
    url.port = String(proxy.port)
    const store = await postgres(url.href)
    const confirmed: string[] = []
    for (let n = 0; n < 30; n++) {
      const writes = [0, 1, 2].map((part) => set(store, `${n}/${part}`, 'x').then(() => confirmed.push(`${n}/${part}`)))
      if (n % 3 === 0) proxy.cut()
      await Promise.allSettled(writes)
    }
    expect(confirmed.length).toBeGreaterThan(30)
    for (const key of confirmed) expect(await get(store, key)).toBe('x')
  })

  test('a commit that comes after it was given up is carried out before anybody reads or writes again', async () => {
    const url = new URL(await newDatabase())
    const proxy = await cuttable(Number(url.port))
    onTestFinished(proxy.close)
    url.port = String(proxy.port)
    url.searchParams.set('query_timeout', '1500')
    const store = await postgres(url.href)
    await set(store, 'a', 'before')
    const deliver = proxy.withhold('COMMIT')
    await expect(set(store, 'a', 'late')).rejects.toThrow('timeout')
    let isOver = false
    const reading = get(store, 'a').finally(() => {
      isOver = true
    })
    // Whoever reads waits for the one whose outcome is open, or has not waited.
    const other = await neighbour(
      url.href.replace(`:${proxy.port}`, `:${new URL(String(process.env.WAMUX_TEST_POSTGRES)).port}`),
    )
    const isWaiting = async () =>
      (
        await other.query(`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FOR UPDATE'
        AND application_name = current_schema()`)
      ).rowCount
    while (!isOver && (await isWaiting()) !== 1);
    deliver()
    expect(await reading).toBe('late')
    await set(store, 'a', 'after')
    expect(await get(store, 'a')).toBe('after')
  })

  test('what a process that vanished has left behind is not kept for hours', async () => {
    const store = await postgres()
    const show = (setting: string) =>
      store.write(function* () {
        return (yield* row(`SHOW ${setting}`))?.[setting]
      })
    expect(await show('idle_in_transaction_session_timeout')).toBe('30s')
    // The lock goes with its connection, which PostgreSQL has to notice.
    expect(await show('tcp_keepalives_idle')).toBe('30')
  })
})
