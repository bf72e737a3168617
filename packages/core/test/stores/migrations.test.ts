import Database from 'better-sqlite3'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { toPostgres } from '../../src/stores/postgres/dialect.ts'
import { migrate } from '../../src/stores/sql/schema.ts'
import type { Row, Statement, Work } from '../../src/stores/store.ts'
import { newDatabase } from './open.ts'

type Run = (statement: Statement) => Promise<Row[]>

/** A database without a schema: the stores make theirs when they are opened. */
function sqlite(): Run {
  const database = new Database(':memory:')
  onTestFinished(() => void database.close())
  return async ({ sql, params }) => {
    const statement = database.prepare(sql)
    if (!statement.reader) statement.run(...params)
    // The test names the columns that it reads.
    return statement.reader ? (statement.all(...params) as Row[]) : []
  }
}

async function postgres(): Promise<Run> {
  const client = new pg.Client({ connectionString: await newDatabase() })
  await client.connect()
  onTestFinished(() => client.end())
  return async ({ sql, params }) => {
    const { rows } = await client.query(toPostgres(sql), [...params])
    return rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])))
  }
}

// pg gives bigints as texts; there are no texts of digits here.
const plain = (value: unknown) =>
  (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value) as Row[string]

async function perform(work: Work<void>, run: Run, until: (statement: Statement) => boolean = () => false) {
  let step = work.next()
  while (!step.done) {
    const statement = step.value
    const found = await run(statement)
    if (until(statement)) return
    step = work.next(found)
  }
}

const databases: [name: string, open: () => Run | Promise<Run>][] = [
  ['SQLite', sqlite],
  ...(process.env.WAMUX_TEST_POSTGRES ? [['PostgreSQL', postgres] as [string, () => Promise<Run>]] : []),
]

test.each(databases)(
  '%s: the webhook that there was is the one called default, with what it is owed',
  async (_, open) => {
    const run = await open()
    await perform(migrate(), run, ({ sql, params }) => sql.startsWith('INSERT INTO migrations') && params[0] === 1)
    const old = [
      "INSERT INTO webhooks VALUES ('s', 'https://a', 'x', 7, 5)",
      "INSERT INTO deliveries VALUES ('s', 6, 'c', 'pending', 2, 99, 'HTTP 500')",
      "INSERT INTO events VALUES ('s', 6, 'evt_6', 'ready', 'c', 1, '{}')",
    ]
    for (const sql of old) await run({ sql, params: [] })
    await perform(migrate(), run)
    expect(
      await run({
        sql: 'SELECT id, name, url, events, headers, enabled, secret, cursor, created_at FROM webhooks',
        params: [],
      }),
    ).toEqual([
      {
        id: 'default',
        name: 'default',
        url: 'https://a',
        events: null,
        headers: '{}',
        enabled: 1,
        secret: 'x',
        cursor: 7,
        created_at: 5,
      },
    ])
    expect(
      await run({
        sql: 'SELECT webhook, seq, event_id, event, chat, state, attempts, next_at, log FROM deliveries',
        params: [],
      }),
    ).toEqual([
      {
        webhook: 'default',
        seq: 6,
        event_id: 'evt_6',
        event: 'ready',
        chat: 'c',
        state: 'pending',
        attempts: 2,
        next_at: 99,
        log: '[]',
      },
    ])
  },
)
