import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { WamuxError } from '../../errors.ts'
import { migrate } from '../sql/schema.ts'
import { isDamage, type Store, type Work } from '../store.ts'
import { GroupCommit } from './group-commit.ts'
import { lockFolder } from './lock.ts'
import { assertWholeLog } from './wal.ts'

/** Opens (and creates) the data folder: one process at a time, WAL, every commit flushed to disk. */
export async function openSqliteStore(folder: string): Promise<Store> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const unlock = lockFolder(folder)
  try {
    const file = join(folder, 'wamux.db')
    assertWholeLog(file)
    const db = new Database(file)
    // Credentials are in it, and the folder may be older than we are. SQLite's other files take over its mode.
    chmodSync(file, 0o600)
    return open(db, unlock)
  } catch (error) {
    unlock()
    if (!isDamage(error)) throw error
    throw new WamuxError('STORE_FAILED', `The database in ${folder} is damaged.`, undefined, { cause: error })
  }
}

/** The same store in memory: for tests and for sessions that need not outlive the process. */
export async function openMemoryStore(): Promise<Store> {
  return open(new Database(':memory:'), () => {})
}

function open(db: Database.Database, unlock: () => void): Store {
  db.pragma('journal_mode = WAL')
  // The receipt that tells WhatsApp "arrived" must not outrun the disk: a power cut would lose the message for good.
  db.pragma('synchronous = FULL')
  db.pragma('foreign_keys = ON')
  const commits = new GroupCommit(db)
  db.transaction(() => commits.run(migrate())).immediate()
  return new SqliteStore(db, commits, unlock)
}

class SqliteStore implements Store {
  readonly #db: Database.Database
  readonly #commits: GroupCommit
  readonly #unlock: () => void

  constructor(db: Database.Database, commits: GroupCommit, unlock: () => void) {
    this.#db = db
    this.#commits = commits
    this.#unlock = unlock
  }

  async read<T>(work: () => Work<T>): Promise<T> {
    this.#assertOpen()
    return this.#commits.run(work(), { mustOnlyRead: true })
  }

  async write<T>(work: () => Work<T>): Promise<T> {
    this.#assertOpen()
    return this.#commits.write(work)
  }

  async close(): Promise<void> {
    if (!this.#db.open) return
    this.#commits.flush()
    this.#db.close()
    this.#unlock()
  }

  #assertOpen(): void {
    if (!this.#db.open) throw new WamuxError('STORE_FAILED', 'The store is closed.')
  }
}
