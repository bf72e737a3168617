import { join } from 'node:path'
import Database from 'better-sqlite3'
import pg from 'pg'

/** What the server has on disk, read past all of its code. */
export interface Books {
  events: { seq: number; event: string; data: { id?: string; chatId?: string; body?: string } }[]
  messages: { chat: string; sender: string; id: string; body: string }[]
  outbox: { id: string; state: string; ack: number; code: string | null }[]
  keys: { type: string; id: string; value: string }[]
}

const QUERIES = {
  events: 'SELECT seq, event, data FROM events ORDER BY seq',
  messages: 'SELECT chat, sender, id, body FROM messages ORDER BY n',
  outbox: 'SELECT id, state, ack, code FROM outbox ORDER BY n',
  keys: "SELECT type, id, value FROM keys WHERE type <> 'session'",
}

/** Only while no process works on it. */
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
