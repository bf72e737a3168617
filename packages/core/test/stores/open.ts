import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { onTestFinished } from 'vitest'
import { openPostgresStore } from '../../src/stores/postgres/store.ts'
import { openMemoryStore, openSqliteStore } from '../../src/stores/sqlite/store.ts'
import type { Store } from '../../src/stores/store.ts'
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
  if (!cluster) throw new Error('There is no PostgreSQL on this machine.')
  const schema = `t${randomUUID().replaceAll('-', '')}`
  await administer(cluster, `CREATE SCHEMA ${schema}`)
  onTestFinished(() => administer(cluster, `DROP SCHEMA ${schema} CASCADE`))
  const url = new URL(cluster)
  url.searchParams.set('options', `-c search_path=${schema}`)
  // So that tests can tell their own connections from those of others, who use the same cluster.
  url.searchParams.set('application_name', schema)
  return url.href
}

async function administer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(sql)
  await client.end()
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

/** A schema of its own, reached through a network that can fail. */
async function newPostgres(): Promise<Place> {
  const url = new URL(await newDatabase())
  const proxy = await cuttable(Number(url.port))
  url.port = String(proxy.port)
  return {
    open: () => openPostgresStore(url.href),
    fail: async () => {
      await proxy.fail()
      return proxy.mend
    },
    remove: proxy.close,
  }
}
