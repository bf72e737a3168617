import { randomUUID } from 'node:crypto'
import pg from 'pg'

/** Somewhere in the PostgreSQL of the tests where nothing is kept yet. */
export interface Database {
  readonly url: string
  drop(): Promise<void>
}

/**
 * Undefined unless stories are to run on PostgreSQL (`WAMUX_STORE=postgres`); they run on SQLite by default.
 * @throws when there is no PostgreSQL on this machine
 */
export async function newDatabase(): Promise<Database | undefined> {
  if (process.env.WAMUX_STORE !== 'postgres') return undefined
  const cluster = process.env.WAMUX_TEST_POSTGRES
  if (!cluster) throw new Error('WAMUX_STORE=postgres needs a PostgreSQL, and this machine has none.')
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
