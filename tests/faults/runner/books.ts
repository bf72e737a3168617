import { join } from 'node:path'
import Database from 'better-sqlite3'
import pg from 'pg'
import type { Told } from './receiver.ts'

/** What the server has on disk, read past all of its code. */
export interface Books {
  events: { session: string; seq: number; event: string; data: Told['data'] }[]
  messages: { session: string; chat: string; sender: string; id: string; body: string }[]
  outbox: { id: string; state: string; ack: number; code: string | null }[]
  /** Without the sessions of Signal. */
  keys: { session: string; type: string; id: string }[]
  /** What Baileys has not handled, or refused, or broke over. */
  stanzas: { session: string; key: string }[]
}

const QUERIES = {
  events: 'SELECT session, seq, event, data FROM events ORDER BY session, seq',
  messages: 'SELECT session, chat, sender, id, body FROM messages ORDER BY session, n',
  outbox: 'SELECT id, state, ack, code FROM outbox ORDER BY session, n',
  keys: "SELECT session, type, id FROM keys WHERE type <> 'session'",
  stanzas: `SELECT session, key FROM stanzas
    WHERE key LIKE 'unhandled %' OR key LIKE 'refused %' OR key LIKE 'suspect %' ORDER BY session, key`,
}

/** SQLite and PostgreSQL let it be read while a process works on it, too. */
export async function readBooks(data: string, database: string | undefined): Promise<Books> {
  const found = database === undefined ? fromSqlite(data) : await fromPostgres(database)
  const events = found.events.map((row) => ({ ...row, seq: Number(row.seq), data: JSON.parse(String(row.data)) }))
  // The columns are named in the queries above.
  return { ...found, events } as unknown as Books
}

type Rows = Record<keyof typeof QUERIES, Record<string, unknown>[]>

function fromSqlite(data: string): Rows {
  const db = new Database(join(data, 'wamux.db'), { readonly: true })
  try {
    const all = (sql: string) => db.prepare(sql).all() as Record<string, unknown>[]
    return collect(Object.entries(QUERIES).map(([name, sql]) => [name, all(sql)]))
  } finally {
    db.close()
  }
}

async function fromPostgres(url: string): Promise<Rows> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const found: [string, Record<string, unknown>[]][] = []
    for (const [name, sql] of Object.entries(QUERIES)) found.push([name, (await client.query(sql)).rows])
    return collect(found)
  } finally {
    await client.end()
  }
}

const collect = (found: [string, Record<string, unknown>[]][]) => Object.fromEntries(found) as Rows
