import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { onTestFinished } from 'vitest'
import { openPostgresStore } from '../../src/stores/postgres/store.ts'
import { openMemoryStore, openSqliteStore } from '../../src/stores/sqlite/store.ts'
import { rows, type Store } from '../../src/stores/store.ts'
import type { Place, StoreUnderTest } from '../../src/stores/testing/index.ts'
import { cuttable } from './cuttable.ts'

/** A folder that is gone after the test. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wamux-core-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export async function sqlite(folder = newFolder()): Promise<Store> {
  const store = await openSqliteStore(folder)
  onTestFinished(() => store.close())
  return store
}

export async function memory(): Promise<Store> {
  const store = await openMemoryStore()
  onTestFinished(() => store.close())
  return store
}

/** Set where the machine has a PostgreSQL: see scripts/postgres-for-tests.mjs. */
const cluster = process.env.WAMUX_TEST_POSTGRES

/** An address under which nothing is kept yet, and nothing after the test. */
export async function newDatabase(): Promise<string> {
  const { url, drop } = await newSchema()
  onTestFinished(drop)
  return url
}

async function newSchema() {
  if (!cluster) throw new Error('There is no PostgreSQL on this machine.')
  const name = `t${randomUUID().replaceAll('-', '')}`
  await administer(cluster, `CREATE SCHEMA ${name}`)
  const url = new URL(cluster)
  url.searchParams.set('options', `-c search_path=${name}`)
  // So that tests can tell their own connections from those of others, who use the same cluster.
  url.searchParams.set('application_name', name)
  return { name, url: url.href, drop: () => administer(cluster, `DROP SCHEMA ${name} CASCADE`) }
}

async function administer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

export async function postgres(url?: string): Promise<Store> {
  const store = await openPostgresStore(url ?? (await newDatabase()))
  onTestFinished(() => store.close())
  return store
}

/** What every store must do, each does. */
export const STORES: [name: string, open: () => Promise<Store>][] = [
  ['a SQLite file', sqlite],
  ['memory', memory],
  ...(cluster ? [['PostgreSQL', postgres] as [string, () => Promise<Store>]] : []),
]

/** The same stores, for the tests that are published. */
export const UNDER_TEST: StoreUnderTest[] = [
  {
    name: 'a SQLite file',
    newPlace: async () => {
      const folder = newFolder()
      return { open: () => openSqliteStore(folder) }
    },
  },
  { name: 'memory', isInMemory: true, newPlace: async () => ({ open: openMemoryStore }) },
  ...(cluster ? [{ name: 'PostgreSQL', canFail: true, newPlace: newPostgres }] : []),
]

/** Kept from one test to the next: to make all tables takes longer than most tests do. */
let shared: (Awaited<ReturnType<typeof newSchema>> & { client: pg.Client }) | undefined
let tables: string[] | undefined

/** A schema where nothing is kept yet, reached through a network that can fail. */
async function newPostgres(): Promise<Place> {
  shared ??= await newShared()
  const url = new URL(shared.url)
  const proxy = await cuttable(Number(url.port))
  url.port = String(proxy.port)
  return {
    open: () => openPostgresStore(url.href),
    fail: async () => {
      await proxy.fail()
      return proxy.mend
    },
    remove: async () => {
      await proxy.close()
      await emptyShared()
    },
  }
}

/** With a connection that is kept, too: PostgreSQL starts a process for each. */
async function newShared() {
  const schema = await newSchema()
  const client = new pg.Client({ connectionString: schema.url })
  await client.connect()
  return { ...schema, client }
}

async function emptyShared(): Promise<void> {
  if (!shared) return
  const { client } = shared
  tables ??= await tablesOf(await openMemoryStore())
  // A test that dropped a table is noticed by what fails here: the next one gets another schema.
  await client.query(tables.map((table) => `DELETE FROM ${table}`).join('; ')).catch(dropShared)
}

/** All but that of the migrations. */
async function tablesOf(store: Store): Promise<string[]> {
  const found = await store.read(() => rows<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'"))
  await store.close()
  return found.map(({ name }) => name).filter((name) => name !== 'migrations')
}

/** For the end of a file with {@link UNDER_TEST}. */
export async function dropShared(): Promise<void> {
  await shared?.client.end()
  await shared?.drop()
  shared = undefined
}
