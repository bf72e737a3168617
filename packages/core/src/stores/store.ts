import { isWamuxError } from '../errors.ts'

/** What a store keeps in a column. Booleans are 0 and 1. */
export type Value = string | number | Uint8Array | null
export type Row = Record<string, Value>

export interface Statement {
  /** The SQL that SQLite and PostgreSQL both understand, with `?` for parameters. */
  sql: string
  params: readonly Value[]
}

/**
 * Something to do in the database, written once for every database: a generator that yields statements and gets their
 * rows back. SQLite runs it in one go, PostgreSQL between round trips. Works compose with `yield*`, and whatever is
 * composed into one {@link Store.write} is committed together or not at all.
 */
export type Work<T> = Generator<Statement, T, Row[]>

/**
 * Where everything lives that may not be lost. An error is always thrown, never turned into "there is nothing": a
 * store that cannot read must not look like one that is empty. An error of a row that may not be has a `code` that
 * begins with `SQLITE_CONSTRAINT`, is `SQLITE_TOOBIG`, or is of SQLSTATE's class 22, 23 or 54 (what cannot be kept, or is
 * too long to be): every other one counts as a store that failed, and stops the sessions. `@wamux/core/testing` has the tests of all this.
 */
export interface Store {
  /** Runs `work` on what is committed. It must not write. */
  read<T>(work: () => Work<T>): Promise<T>
  /**
   * Runs `work` as one atomic unit and resolves after it is on disk. Writes take effect in the order in which they are
   * given; those of the same turn of the event loop share a commit; when `work` throws, only its own changes are undone.
   */
  write<T>(work: () => Work<T>): Promise<T>
  /** Waits for what was given and lets go of the data. Later calls reject. */
  close(): Promise<void>
}

/**
 * Whether an error says that what was asked for is wrong (a bug in a {@link Work}, a row that may not be), rather than
 * that the store failed. Anything that is not known to be harmless counts as a failed store.
 */
export function isFaultOfWork(error: unknown): boolean {
  if (isWamuxError(error)) return error.code !== 'STORE_FAILED'
  if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError) return true
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return code.startsWith('SQLITE_CONSTRAINT') || code === 'SQLITE_TOOBIG' || /^(22|23|54)\d[0-9A-Z]{2}$/.test(code)
}

/** What SQLite says when only what was asked for cannot be had: a bad place on the disk, or in the file. */
const OF_A_PLACE = new Set(['SQLITE_IOERR_READ', 'SQLITE_IOERR_SHORT_READ', 'SQLITE_IOERR_CORRUPTFS'])
/** PostgreSQL: may only be read; the disk is full; the system refused to write. */
const TAKES_NOTHING = new Set(['25006', '53100', '58030'])

/**
 * Whether an error says that nobody can write now, such as a full disk: it meets all who share the store, whoever
 * noticed it. A lost connection does not, another one may do.
 */
export function isOfWholeStore(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code.startsWith('SQLITE_IOERR')) return !OF_A_PLACE.has(code)
  return code.startsWith('SQLITE_FULL') || code.startsWith('SQLITE_READONLY') || TAKES_NOTHING.has(code)
}

/** Whether an error says that what is stored is damaged: it cannot be read, today or tomorrow. */
export function isDamage(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB' || code === 'XX001' || code === 'XX002'
}

/** `yield* rows(sql, …params)` inside a {@link Work}. */
export function* rows<T = Row>(sql: string, ...params: Value[]): Work<T[]> {
  // The caller names the row's shape: it stands beside the SQL that produces it.
  return (yield { sql, params }) as T[]
}

/** The first row, or undefined. */
export function* row<T = Row>(sql: string, ...params: Value[]): Work<T | undefined> {
  return (yield* rows<T>(sql, ...params))[0]
}

/** For statements whose rows nobody reads. */
export function* run(sql: string, ...params: Value[]): Work<void> {
  yield { sql, params }
}
