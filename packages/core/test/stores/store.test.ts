import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { migrate } from '../../src/stores/sql/schema.ts'
import * as sessions from '../../src/stores/sql/sessions.ts'
import * as settings from '../../src/stores/sql/settings.ts'
import { GroupCommit } from '../../src/stores/sqlite/group-commit.ts'
import { openMemoryStore } from '../../src/stores/sqlite/store.ts'
import { rows, run, type Store } from '../../src/stores/store.ts'
import { memory, newFolder, sqlite } from './open.ts'

const get = (store: Store, key: string) => store.read(() => settings.get(key))
const set = (store: Store, key: string, value: string) => store.write(() => settings.set(key, value))

test('to write again what is there is no change: the schema is made once', async () => {
  const folder = newFolder()
  const first = await sqlite(folder)
  await set(first, 'a', '1')
  const schema = await first.read(() =>
    rows("SELECT sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"),
  )
  const versions = () => rows('SELECT version FROM migrations ORDER BY version')
  const made = await first.read(versions)
  await first.write(() => migrate())
  await first.close()
  const second = await sqlite(folder)
  expect(await get(second, 'a')).toBe('1')
  expect(
    await second.read(() => rows("SELECT sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name")),
  ).toEqual(schema)
  expect(await second.read(versions)).toEqual(made)
})

test('every table with a session is emptied of it when the session goes', async () => {
  const store = await memory()
  const tables = await store.read(() =>
    rows<{ name: string }>(
      "SELECT m.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c ON c.name = 'session' WHERE m.type = 'table'",
    ),
  )
  expect(tables.length).toBeGreaterThan(10)
  for (const { name } of tables) {
    const columns = await store.read(() => rows<{ name: string }>('SELECT name FROM pragma_table_info(?)', name))
    for (const [index, session] of ['gone', 'kept'].entries()) {
      const values = columns.map((column) => (column.name === 'session' ? session : `${index}`))
      const marks = values.map(() => '?').join(', ')
      await store.write(() =>
        run(`INSERT INTO ${name} (${columns.map((c) => c.name).join(', ')}) VALUES (${marks})`, ...values),
      )
    }
  }
  await store.write(() => sessions.remove('gone'))
  for (const { name } of tables) {
    expect(await store.read(() => rows(`SELECT session FROM ${name}`))).toEqual([{ session: 'kept' }])
  }
})

/** How many transactions the write-ahead log on disk holds: SQLite marks the last frame of each with the size it leaves. */
function commitsIn(folder: string): number {
  const file = join(folder, 'wamux.db-wal')
  if (!existsSync(file)) return 0
  const log = readFileSync(file)
  if (log.length < 32) return 0
  const frame = 24 + log.readUInt32BE(8)
  const salt = log.subarray(16, 24)
  let commits = 0
  for (let at = 32; at + frame <= log.length; at += frame) {
    if (!log.subarray(at + 8, at + 16).equals(salt)) break // left over from before the log began anew
    if (log.readUInt32BE(at + 4) > 0) commits++
  }
  return commits
}

describe('group commit', () => {
  test('many writes of one turn are one transaction on the disk', async () => {
    const folder = newFolder()
    const store = await sqlite(folder)
    const before = commitsIn(folder)
    await Promise.all(Array.from({ length: 100 }, (_, index) => set(store, `${index}`, 'x')))
    expect(commitsIn(folder) - before).toBe(1)
    for (let index = 0; index < 10; index++) await set(store, `${index}`, 'y')
    expect(commitsIn(folder) - before).toBe(11)
  })

  test('nothing is visible, and no promise resolves, before the commit', async () => {
    const folder = newFolder()
    const store = await sqlite(folder)
    const other = new Database(join(folder, 'wamux.db'), { readonly: true })
    onTestFinished(() => void other.close())
    const count = () => other.prepare('SELECT count(*) AS n FROM settings').get()
    let resolved = 0
    const writes = ['a', 'b'].map((key) =>
      set(store, key, '1').then(() => {
        resolved++
      }),
    )
    await Promise.resolve()
    expect({ resolved, ...(count() as object) }).toEqual({ resolved: 0, n: 0 })
    await Promise.all(writes)
    expect({ resolved, ...(count() as object) }).toEqual({ resolved: 2, n: 2 })
  })

  test('close writes what was given before it', async () => {
    const folder = newFolder()
    const store = await sqlite(folder)
    const write = set(store, 'last', 'words')
    await store.close()
    await write
    expect(await get(await sqlite(folder), 'last')).toBe('words')
  })
})

test('every commit is flushed to the disk', async () => {
  const store = await sqlite()
  expect(await store.read(() => rows('PRAGMA synchronous'))).toEqual([{ synchronous: 2 }])
  expect(await store.write(() => rows('PRAGMA journal_mode'))).toEqual([{ journal_mode: 'wal' }])
})

describe('a full disk', () => {
  for (const [name, open] of [['a SQLite file', sqlite] as const, ['memory', memory] as const]) {
    test(`rejects every write of the turn and leaves the old content (${name})`, async () => {
      const store = await open()
      await set(store, 'old', 'content')
      const [pages] = await store.read(() => rows<{ page_count: number }>('PRAGMA page_count'))
      await store.read(() => rows(`PRAGMA max_page_count = ${(pages?.page_count ?? 0) + 2}`))
      const results = await Promise.allSettled([
        set(store, 'old', 'overwritten, small'),
        set(store, 'large', 'x'.repeat(1_000_000)),
      ])
      expect(results[1]).toMatchObject({ status: 'rejected', reason: { code: 'SQLITE_FULL' } })
      // The small one may share its commit or its fate; what it says must be true.
      const kept = results[0]?.status === 'fulfilled' ? 'overwritten, small' : 'content'
      expect(await get(store, 'old')).toBe(kept)
      expect(await get(store, 'large')).toBeUndefined()
      await store.read(() => rows('PRAGMA max_page_count = 1000000'))
      await set(store, 'large', 'x'.repeat(1_000_000))
      expect((await get(store, 'large'))?.length).toBe(1_000_000)
      expect(await store.read(() => rows('PRAGMA integrity_check'))).toEqual([{ integrity_check: 'ok' }])
    })
  }
})

describe('one process per data folder', () => {
  const source = JSON.stringify(fileURLToPath(new URL('../../src/stores/sqlite/store.ts', import.meta.url)))
  /** Another process that opens the folder, says what came of it, and holds on. */
  function opener(folder: string) {
    const child = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      `import { openSqliteStore } from ${source}
       setInterval(() => {}, 1000)
       openSqliteStore(${JSON.stringify(folder)}).then(
         (store) => { globalThis.held = store; console.log('opened') },
         (error) => { console.log(error.code); process.exit(1) },
       )`,
    ])
    const said = once(child.stdout, 'data').then(([data]) => String(data).trim())
    return { child, said }
  }

  test('a second one refuses', async () => {
    const folder = newFolder()
    const store = await sqlite(folder)
    expect(await opener(folder).said).toBe('STORE_FAILED')
    await set(store, 'a', 'still works')
  })

  test('nor does the same process open it twice; after close it may', async () => {
    const folder = newFolder()
    const store = await sqlite(folder)
    await expect(sqlite(folder)).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining(folder),
    })
    await store.close()
    await sqlite(folder)
  })

  test('kill -9 frees the folder at once', async () => {
    const folder = newFolder()
    const { child, said } = opener(folder)
    expect(await said).toBe('opened')
    const message = expect.stringContaining(`(pid ${child.pid})`)
    await expect(sqlite(folder)).rejects.toMatchObject({ code: 'STORE_FAILED', message })
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    await sqlite(folder)
  })
})

test('stores in memory know nothing of each other', async () => {
  const [one, other] = [await openMemoryStore(), await openMemoryStore()]
  await set(one, 'a', '1')
  expect(await get(other, 'a')).toBeUndefined()
  await Promise.all([one.close(), other.close()])
})

test('a commit that fails, and an undo that fails too, leave nobody waiting and do not end the process', async () => {
  const db = new Database(':memory:')
  onTestFinished(() => void db.close())
  const broken = new Error('the disk is gone')
  const failing = new Proxy(db, {
    get: (target, name) =>
      name === 'exec'
        ? (sql: string) => {
            if (sql === 'COMMIT' || sql === 'ROLLBACK') throw broken
            return target.exec(sql)
          }
        : Reflect.get(target, name, target),
  })
  const commits = new GroupCommit(failing)
  const written = commits.write(() => run('CREATE TABLE a (b)'))
  expect(() => commits.flush()).not.toThrow()
  await expect(written).rejects.toBe(broken)
  const next = commits.write(() => run('CREATE TABLE c (d)'))
  commits.flush()
  await expect(next).rejects.toThrow('transaction')
})
