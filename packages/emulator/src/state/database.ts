import Database from 'better-sqlite3'
import { Turn } from './turn.ts'

/**
 * The one file that holds everything the network must not forget: keys, accounts, devices, Signal state, undelivered
 * stanzas. Whatever is acknowledged was committed here before.
 */
export class Store {
  readonly #db: Database.Database
  readonly #statements = new Map<string, Database.Statement<unknown[], unknown>>()
  readonly #undone = new Set<() => void>()
  #isInTransaction = false
  readonly turn: Turn

  /** `failed` hears when what was written in a turn could not be kept; nobody was told of it then. */
  constructor(file: string | undefined, failed: (error: unknown) => void = rethrow) {
    this.#db = new Database(file ?? ':memory:')
    this.#db.pragma('journal_mode = WAL')
    // NORMAL hands every commit to the kernel before it returns, which is all that kill -9 can take from us.
    // FULL would also survive a power cut; an emulator on a developer's machine does not pay for that.
    this.#db.pragma('synchronous = NORMAL')
    this.#db.exec(SCHEMA)
    const commit = { begin: () => this.#step('BEGIN IMMEDIATE'), end: () => this.#commit() }
    this.turn = new Turn(commit, failed)
  }

  /**
   * Runs `work` as a whole or not at all, as part of the commit of this turn of the event loop: what sockets say in the
   * turn goes out after it. Whoever tells others in another way waits for `turn.kept()`.
   */
  transaction<T>(work: () => T): T {
    if (this.#isInTransaction) return work()
    this.turn.writes()
    this.#step('SAVEPOINT work')
    this.#isInTransaction = true
    try {
      const result = work()
      this.#step('RELEASE work')
      return result
    } catch (error) {
      // SQLite itself takes everything back when the disk is full.
      if (this.#db.inTransaction) {
        this.#step('ROLLBACK TO work')
        this.#step('RELEASE work')
      }
      this.#tellUndone()
      throw error
    } finally {
      this.#isInTransaction = false
    }
  }

  /** Calls `forget` whenever something that was written is taken back: what was read meanwhile may not be true. */
  whenUndone(forget: () => void): void {
    this.#undone.add(forget)
  }

  get isInTransaction(): boolean {
    return this.#isInTransaction
  }

  /** Outside of a transaction it is a commit of its own, done when this returns. */
  run(sql: string, ...values: unknown[]): { changes: number; rowId: number } {
    if (!this.#isInTransaction) this.turn.keep()
    const { changes, lastInsertRowid } = this.#prepare(sql).run(...values)
    return { changes, rowId: Number(lastInsertRowid) }
  }

  /** The caller names the columns in `sql`, so it knows the shape `Row`. */
  first<Row>(sql: string, ...values: unknown[]): Row | undefined {
    return this.#prepare(sql).get(...values) as Row | undefined
  }

  /** The caller names the columns in `sql`, so it knows the shape `Row`. */
  all<Row>(sql: string, ...values: unknown[]): Row[] {
    return this.#prepare(sql).all(...values) as Row[]
  }

  close(): void {
    if (!this.#db.open) return
    this.turn.end()
    this.#db.close()
  }

  #step(sql: string): void {
    this.#prepare(sql).run()
  }

  #commit(): void {
    try {
      if (!this.#db.inTransaction) throw new Error('SQLite has taken back what was written in this turn')
      this.#step('COMMIT')
    } catch (error) {
      if (this.#db.inTransaction) this.#step('ROLLBACK')
      this.#tellUndone()
      throw error
    }
  }

  #tellUndone(): void {
    for (const forget of this.#undone) forget()
  }

  #prepare(sql: string): Database.Statement<unknown[], unknown> {
    let statement = this.#statements.get(sql)
    if (!statement) {
      statement = this.#db.prepare<unknown[], unknown>(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

function rethrow(error: unknown): never {
  throw error
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accounts (
  phone TEXT PRIMARY KEY, lid TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, name TEXT, about TEXT NOT NULL DEFAULT '',
  behaviour TEXT NOT NULL DEFAULT 'silent', identity TEXT NOT NULL, settings TEXT NOT NULL DEFAULT '{}',
  next_device INTEGER NOT NULL DEFAULT 1, next_pre_key INTEGER NOT NULL DEFAULT 1
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS devices (
  phone TEXT NOT NULL, device INTEGER NOT NULL, key_index INTEGER NOT NULL, noise_key BLOB NOT NULL,
  identity_key BLOB NOT NULL, registration_id INTEGER NOT NULL, skey_id INTEGER NOT NULL, skey_value BLOB NOT NULL,
  skey_signature BLOB NOT NULL, signed_identity BLOB NOT NULL, platform TEXT NOT NULL, linked_at INTEGER NOT NULL,
  settled INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (phone, device)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS one_time_keys (
  phone TEXT NOT NULL, device INTEGER NOT NULL, id INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (phone, device, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pre_keys (
  phone TEXT NOT NULL, id INTEGER NOT NULL, public BLOB NOT NULL, private BLOB NOT NULL, PRIMARY KEY (phone, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (
  owner TEXT NOT NULL, address TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (owner, address)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sender_keys (
  owner TEXT NOT NULL, chat TEXT NOT NULL, author TEXT NOT NULL, record BLOB NOT NULL, PRIMARY KEY (owner, chat, author)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sender_keys_sent (
  owner TEXT NOT NULL, chat TEXT NOT NULL, address TEXT NOT NULL, PRIMARY KEY (owner, chat, address)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pending (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, phone TEXT NOT NULL, device INTEGER NOT NULL, tag TEXT NOT NULL,
  id TEXT NOT NULL, type TEXT NOT NULL, body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS pending_by_device ON pending (phone, device, seq);
CREATE INDEX IF NOT EXISTS pending_by_id ON pending (phone, device, id);
CREATE TABLE IF NOT EXISTS heard (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, sender TEXT NOT NULL, id TEXT NOT NULL, chat TEXT NOT NULL,
  type TEXT NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL, copies INTEGER NOT NULL DEFAULT 1, message BLOB NOT NULL,
  raw TEXT NOT NULL, taken INTEGER NOT NULL DEFAULT 0, UNIQUE (owner, sender, id)
);
CREATE INDEX IF NOT EXISTS heard_by_owner ON heard (owner, taken, seq);
CREATE TABLE IF NOT EXISTS sent (
  owner TEXT NOT NULL, id TEXT NOT NULL, chat TEXT NOT NULL, space TEXT NOT NULL, at INTEGER NOT NULL,
  message BLOB NOT NULL, PRIMARY KEY (owner, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS receipts (
  owner TEXT NOT NULL, id TEXT NOT NULL, sender TEXT NOT NULL, type TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (owner, id, sender, type)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS watchers (
  watched TEXT NOT NULL, phone TEXT NOT NULL, device INTEGER NOT NULL, PRIMARY KEY (watched, phone, device)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chat_groups (id TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS group_members (
  id TEXT NOT NULL, phone TEXT NOT NULL, role TEXT NOT NULL, PRIMARY KEY (id, phone)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS groups_by_member ON group_members (phone, id);
CREATE TABLE IF NOT EXISTS app_state (
  phone TEXT NOT NULL, collection TEXT NOT NULL, version INTEGER NOT NULL, patch BLOB NOT NULL,
  PRIMARY KEY (phone, collection, version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS heard_choices (
  owner TEXT NOT NULL, sender TEXT NOT NULL, id TEXT NOT NULL, choices TEXT NOT NULL, PRIMARY KEY (owner, sender, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS group_requests (
  id TEXT NOT NULL, phone TEXT NOT NULL, by TEXT NOT NULL, method TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (id, phone)
);
CREATE TABLE IF NOT EXISTS group_invites (
  id TEXT NOT NULL, phone TEXT NOT NULL, code TEXT NOT NULL, admin TEXT NOT NULL, expires_at INTEGER NOT NULL,
  PRIMARY KEY (id, phone)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead_invites (code TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS app_state_heads (
  phone TEXT NOT NULL, collection TEXT NOT NULL, version INTEGER NOT NULL, hash BLOB NOT NULL, snapshot_mac BLOB NOT NULL,
  key_id BLOB NOT NULL, PRIMARY KEY (phone, collection)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS app_state_records (
  phone TEXT NOT NULL, collection TEXT NOT NULL, index_mac BLOB NOT NULL, blob BLOB NOT NULL, key_id BLOB NOT NULL,
  changed INTEGER NOT NULL, PRIMARY KEY (phone, collection, index_mac)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS app_state_keys (
  phone TEXT NOT NULL, turn INTEGER NOT NULL, id BLOB NOT NULL, data BLOB NOT NULL, made_at INTEGER NOT NULL,
  PRIMARY KEY (phone, turn)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS past (
  owner TEXT NOT NULL, chat TEXT NOT NULL, id TEXT NOT NULL, author TEXT NOT NULL, at INTEGER NOT NULL,
  message BLOB NOT NULL, PRIMARY KEY (owner, chat, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS contact_tokens (
  issuer TEXT NOT NULL, holder TEXT NOT NULL, at INTEGER NOT NULL, token BLOB NOT NULL, PRIMARY KEY (issuer, holder, at)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS heard_by_id ON heard (owner, id);
CREATE TABLE IF NOT EXISTS device_props (
  phone TEXT NOT NULL, device INTEGER NOT NULL, props BLOB NOT NULL, PRIMARY KEY (phone, device)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS media_blobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, hash TEXT NOT NULL, size INTEGER NOT NULL, complete INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS media_by_hash ON media_blobs (hash, complete);
CREATE TABLE IF NOT EXISTS media_parts (
  blob INTEGER NOT NULL, start INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (blob, start)
);
CREATE TABLE IF NOT EXISTS media_links (
  path TEXT PRIMARY KEY, blob INTEGER NOT NULL, type TEXT NOT NULL, at INTEGER NOT NULL, gone INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sent_to_companions (
  phone TEXT NOT NULL, device INTEGER NOT NULL, id TEXT NOT NULL, message BLOB NOT NULL,
  PRIMARY KEY (phone, device, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS due_reads (
  owner TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (owner, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS media_lost (owner TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (owner, id)) WITHOUT ROWID;
`
