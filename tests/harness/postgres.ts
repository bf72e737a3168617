import { randomUUID } from 'node:crypto'
import pg from 'pg'

/** Somewhere in the PostgreSQL of the tests where nothing is kept yet. */
export interface Database {
  readonly url: string
  drop(): Promise<void>
}

/**
 * Undefined unless it is wanted: stories run on SQLite unless `WAMUX_STORE=postgres`.
 * @throws when there is no PostgreSQL on this machine
 */
export async function newDatabase(isWanted = process.env.WAMUX_STORE === 'postgres'): Promise<Database | undefined> {
  if (!isWanted) return undefined
  const cluster = process.env.WAMUX_TEST_POSTGRES
  if (!cluster) throw new Error('PostgreSQL is wanted, and this machine has none.')
  const schema = `t${randomUUID().replaceAll('-', '')}`
  await administer(cluster, `CREATE SCHEMA ${schema}`)
  const url = new URL(cluster)
  url.searchParams.set('options', `-c search_path=${schema}`)
  return { url: url.href, drop: () => administer(cluster, `DROP SCHEMA ${schema} CASCADE`) }
}

async function administer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(sql)
  await client.end()
}
