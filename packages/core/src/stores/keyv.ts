import { chmodSync, rmSync } from 'node:fs'
import KeyvSqlite from '@keyv/sqlite'
import Database from 'better-sqlite3'
import { Keyv } from 'keyv'

/** Any Keyv: what is kept here can be fetched again, and deleting it loses nothing. */
export type Lookups = Keyv

export function memoryLookups(): Lookups {
  return new Keyv()
}

/** Look-ups in a SQLite file of their own, so that a restart does not ask WhatsApp everything again. */
export function sqliteLookups(file: string): Lookups {
  const db = openOrReplace(file)
  const statements = new Map<string, Database.Statement>()
  const prepared = (sql: string): Database.Statement => {
    const known = statements.get(sql)
    if (known) return known
    const statement = db.prepare(sql)
    statements.set(sql, statement)
    return statement
  }
  return new Keyv({
    store: new KeyvSqlite({
      driver: {
        name: 'custom',
        async connect() {
          return {
            async query(sql: string, ...params: unknown[]) {
              const statement = prepared(sql)
              if (statement.reader) return statement.all(...params)
              statement.run(...params)
              return []
            },
            async close() {
              db.close()
            },
          }
        },
      },
    }),
  })
}

/** A file that cannot be read is thrown away: what it knew can be asked for again. */
function openOrReplace(file: string): Database.Database {
  try {
    return open(file)
  } catch (error) {
    if (!(error instanceof Database.SqliteError && BROKEN.has(error.code))) throw error
    for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true })
    return open(file)
  }
}

const BROKEN = new Set(['SQLITE_NOTADB', 'SQLITE_CORRUPT'])

function open(file: string): Database.Database {
  const db = new Database(file)
  try {
    // It says whom an account knows. SQLite's other files take over its mode.
    chmodSync(file, 0o600)
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = NORMAL') // nothing here is worth a flush
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** One session's part of the look-ups: nothing learnt by one account is used for another. */
export class LookupsOfSession {
  readonly #lookups: Lookups
  readonly #prefix: string

  constructor(lookups: Lookups, session: string) {
    this.#lookups = lookups
    this.#prefix = session
  }

  /** What is remembered, or what `fetch` finds out, which is then remembered for `ttlMs`. */
  async get<T>(kind: string, id: string, ttlMs: number | ((value: T) => number), fetch: () => Promise<T>): Promise<T> {
    const key = `${this.#prefix}/${kind}/${id}`
    const known = await this.#lookups.get<{ value: T }>(key)
    if (known !== undefined) return known.value
    const value = await fetch()
    await this.#lookups.set(key, { value }, typeof ttlMs === 'number' ? ttlMs : ttlMs(value))
    return value
  }
}
