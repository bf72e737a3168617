import Database from 'better-sqlite3'
import pg from 'pg'

/**
 * What a disk, or a database, can do to a process, where nothing outside of it can make it do so. `no-pages`: the file
 * may not grow. `read-only`: nothing may be written. `unreadable`: one account's keys cannot be read. `unconfirmed`:
 * commits are kept, and said to have failed.
 */
export const SICKNESSES = ['no-pages', 'read-only', 'unreadable', 'unconfirmed'] as const
export type Sickness = (typeof SICKNESSES)[number]

/** Whose keys are `unreadable`. */
export const PATIENT = 'demo'
const KEYS = /^SELECT id, value.* FROM keys /
const GROWS_AGAIN = 2 ** 31

let sickness: Sickness | null = null

/** Null is health. */
export function fallIll(next: Sickness | null): void {
  sickness = next
}

/** SQLite does the first two to itself when it is asked to; the others are put between it and the store. */
function watchSqlite(): void {
  const marks = new WeakMap<Database.Database, Sickness | null>()
  const { prepare, exec } = Database.prototype
  const sicken = (db: Database.Database) => {
    if (marks.get(db) === sickness || !db.name.endsWith('wamux.db')) return
    db.pragma(`max_page_count = ${sickness === 'no-pages' ? 1 : GROWS_AGAIN}`)
    db.pragma(`query_only = ${sickness === 'read-only' ? 1 : 0}`)
    marks.set(db, sickness)
  }
  Database.prototype.exec = function (this: Database.Database, sql: string) {
    if (sql === 'BEGIN IMMEDIATE') sicken(this)
    const result = exec.call(this, sql)
    if (sql === 'COMMIT' && sickness === 'unconfirmed') throw ioError('SQLITE_IOERR_FSYNC')
    return result
  }
  Database.prototype.prepare = function (this: Database.Database, sql: string) {
    const statement = prepare.call(this, sql)
    if (!KEYS.test(sql)) return statement
    const all = statement.all.bind(statement) as (...values: unknown[]) => unknown[]
    Object.defineProperty(statement, 'all', {
      value: (...values: unknown[]) => {
        if (sickness === 'unreadable' && values[0] === PATIENT) throw ioError('SQLITE_IOERR_READ')
        return all(...values)
      },
    })
    return statement
    // The real one is generic in the rows, which nothing here looks at.
  } as typeof prepare
}

const ioError = (code: string) => new Database.SqliteError('disk I/O error', code)

/** PostgreSQL refuses by itself what writes in a transaction that may only read. */
function watchPostgres(): void {
  // The method has a dozen overloads, of which the store uses one: a text or a config, and a promise.
  const { query } = pg.Client.prototype as unknown as { query: (...args: unknown[]) => Promise<unknown> }
  Object.defineProperty(pg.Client.prototype, 'query', {
    value: function (this: object, ...args: unknown[]) {
      const [given] = args
      const isBegun = sickness === 'read-only' && typeof given === 'string' && given.startsWith('BEGIN;')
      const answer = query.apply(this, isBegun ? [given.replace('BEGIN;', 'BEGIN READ ONLY;')] : args)
      if (sickness !== 'unconfirmed' || typeof given !== 'string' || !given.endsWith('COMMIT')) return answer
      return answer.then(() => {
        throw new Error('Connection terminated unexpectedly')
      })
    },
  })
}

/** Before anything else runs. */
export function watchStore(): void {
  watchSqlite()
  watchPostgres()
}
