import { rows, run, type Work } from '../store.ts'

/**
 * The schema, as steps that are never changed after a release, only added to. Column types are SQLite's; PostgreSQL
 * reads INTEGER as bigint and BLOB as bytea. Every row says whose it is in its first column.
 */
const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE sessions (id TEXT PRIMARY KEY, name TEXT NOT NULL, wanted TEXT NOT NULL, ended TEXT, account TEXT,
      announced INTEGER NOT NULL, created_at INTEGER NOT NULL)`,
    // Credentials and Signal keys of every kind. A ratchet and what it decrypted must be in one transaction.
    'CREATE TABLE keys (session TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (session, type, id))',
    'CREATE TABLE archived_keys (session TEXT NOT NULL, archived_at INTEGER NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL)',
    // What a ciphertext said, for the case that WhatsApp delivers it again after its key was used up.
    'CREATE TABLE plaintexts (session TEXT NOT NULL, hash TEXT NOT NULL, plaintext BLOB NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (session, hash))',
    // Stanzas that are recorded but whose consequences inside Baileys may not have happened yet.
    'CREATE TABLE stanzas (session TEXT NOT NULL, key TEXT NOT NULL, node BLOB NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (session, key))',
    `CREATE TABLE events (session TEXT NOT NULL, seq INTEGER NOT NULL, id TEXT NOT NULL, event TEXT NOT NULL, chat TEXT,
      timestamp INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (session, seq))`,
    `CREATE TABLE messages (session TEXT NOT NULL, chat TEXT NOT NULL, sender TEXT NOT NULL, id TEXT NOT NULL,
      n INTEGER NOT NULL, contact INTEGER, timestamp INTEGER NOT NULL, body TEXT NOT NULL, type TEXT NOT NULL,
      is_from_me INTEGER NOT NULL, ack INTEGER NOT NULL, raw BLOB, PRIMARY KEY (session, chat, sender, id))`,
    'CREATE UNIQUE INDEX messages_n ON messages (session, n)',
    'CREATE INDEX messages_recent ON messages (session, timestamp, n)',
    'CREATE INDEX messages_of_chat ON messages (session, chat, timestamp, n)',
    'CREATE INDEX messages_own ON messages (session, id)',
    // last_n points to the newest message: a list of chats must not have to look through the messages.
    `CREATE TABLE chats (session TEXT NOT NULL, chat TEXT NOT NULL, contact INTEGER, name TEXT, last_n INTEGER, last_timestamp INTEGER NOT NULL,
      message_count INTEGER NOT NULL, unread_count INTEGER NOT NULL, PRIMARY KEY (session, chat))`,
    'CREATE INDEX chats_recent ON chats (session, last_timestamp, chat)',
    `CREATE TABLE contacts (session TEXT NOT NULL, n INTEGER NOT NULL, phone TEXT, lid TEXT, name TEXT, pushname TEXT,
      is_business INTEGER NOT NULL, is_blocked INTEGER NOT NULL, PRIMARY KEY (session, n))`,
    'CREATE UNIQUE INDEX contacts_phone ON contacts (session, phone)',
    'CREATE UNIQUE INDEX contacts_lid ON contacts (session, lid)',
    `CREATE TABLE outbox (session TEXT NOT NULL, id TEXT NOT NULL, n INTEGER NOT NULL, account TEXT NOT NULL, chat TEXT NOT NULL, phone TEXT NOT NULL,
      batch TEXT, batch_index INTEGER, body BLOB NOT NULL, relay TEXT NOT NULL, state TEXT NOT NULL, ack INTEGER NOT NULL,
      code TEXT, accepted_at INTEGER NOT NULL, deadline INTEGER NOT NULL, PRIMARY KEY (session, id))`,
    'CREATE UNIQUE INDEX outbox_n ON outbox (session, n)',
    'CREATE INDEX outbox_state ON outbox (session, state, n)',
    'CREATE INDEX outbox_batch ON outbox (session, batch, batch_index)',
    // For whoever embeds the core: the server keeps its administrator, keys, ports, webhooks and deliveries here.
    'CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL)',
    'CREATE TABLE api_keys (id TEXT PRIMARY KEY, session TEXT NOT NULL, hash TEXT NOT NULL, created_at INTEGER NOT NULL, revoked_at INTEGER)',
    'CREATE INDEX api_keys_session ON api_keys (session)',
    'CREATE TABLE ports (session TEXT PRIMARY KEY, port INTEGER NOT NULL UNIQUE)',
    // cursor: the seq up to which events have become deliveries.
    'CREATE TABLE webhooks (session TEXT PRIMARY KEY, url TEXT NOT NULL, secret TEXT, cursor INTEGER NOT NULL, created_at INTEGER NOT NULL)',
    `CREATE TABLE deliveries (session TEXT NOT NULL, seq INTEGER NOT NULL, chat TEXT NOT NULL, state TEXT NOT NULL,
      attempts INTEGER NOT NULL, next_at INTEGER NOT NULL, error TEXT, PRIMARY KEY (session, seq))`,
    'CREATE INDEX deliveries_of_chat ON deliveries (session, chat, state, seq)',
    'CREATE INDEX deliveries_due ON deliveries (state, next_at)',
  ],
  [
    // target: the message or the batch that was accepted under the key. answer: what was answered, as JSON.
    `CREATE TABLE idempotency_keys (session TEXT NOT NULL, key TEXT NOT NULL, hash TEXT NOT NULL, target TEXT NOT NULL,
      answer TEXT, at INTEGER NOT NULL, PRIMARY KEY (session, key))`,
    'CREATE INDEX idempotency_keys_at ON idempotency_keys (at)',
  ],
  [
    // Several webhooks for a session; the one that there was is called default. A table is made anew where its key changes.
    `CREATE TABLE webhooks_of_session (session TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, url TEXT NOT NULL, events TEXT,
      headers TEXT NOT NULL, enabled INTEGER NOT NULL, disabled_reason TEXT, failing_since INTEGER, secret TEXT, old_secret TEXT,
      old_secret_until INTEGER, cursor INTEGER NOT NULL, created_at INTEGER NOT NULL, changed_at INTEGER NOT NULL, PRIMARY KEY (session, id))`,
    `INSERT INTO webhooks_of_session (session, id, name, url, headers, enabled, secret, cursor, created_at, changed_at)
      SELECT session, 'default', 'default', url, '{}', 1, secret, cursor, created_at, created_at FROM webhooks`,
    'DROP TABLE webhooks',
    'ALTER TABLE webhooks_of_session RENAME TO webhooks',
    // log: the attempts, with their outcome. A delivery that is done stays for a while, so that one can look at it.
    `CREATE TABLE deliveries_of_webhook (session TEXT NOT NULL, webhook TEXT NOT NULL, seq INTEGER NOT NULL, chat TEXT NOT NULL,
      state TEXT NOT NULL, attempts INTEGER NOT NULL, next_at INTEGER NOT NULL, failed_at INTEGER, log TEXT NOT NULL,
      PRIMARY KEY (session, webhook, seq))`,
    `INSERT INTO deliveries_of_webhook (session, webhook, seq, chat, state, attempts, next_at, log)
      SELECT session, 'default', seq, chat, state, attempts, next_at, '[]' FROM deliveries`,
    'DROP TABLE deliveries',
    'ALTER TABLE deliveries_of_webhook RENAME TO deliveries',
    'CREATE INDEX deliveries_of_chat ON deliveries (session, webhook, chat, state, seq)',
    'CREATE INDEX deliveries_due ON deliveries (state, next_at)',
  ],
  [
    // Batches that are held up or called off; one without a row runs.
    'CREATE TABLE batches (session TEXT NOT NULL, batch TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (session, batch))',
  ],
  [
    // Deliveries that can be looked at and asked for again, also when their event is no longer in the journal.
    `ALTER TABLE deliveries ADD COLUMN event_id TEXT NOT NULL DEFAULT ''`,
    `ALTER TABLE deliveries ADD COLUMN event TEXT NOT NULL DEFAULT ''`,
    'ALTER TABLE deliveries ADD COLUMN asked INTEGER NOT NULL DEFAULT 0',
    'ALTER TABLE deliveries ADD COLUMN is_early INTEGER NOT NULL DEFAULT 0',
    `UPDATE deliveries SET
      event_id = coalesce((SELECT e.id FROM events e WHERE e.session = deliveries.session AND e.seq = deliveries.seq), ''),
      event = coalesce((SELECT e.event FROM events e WHERE e.session = deliveries.session AND e.seq = deliveries.seq), '')`,
    'CREATE INDEX deliveries_of_event ON deliveries (session, webhook, event_id)',
    'CREATE INDEX deliveries_of_state ON deliveries (session, webhook, state, seq)',
  ],
  [
    // send_at: not before this time.
    'ALTER TABLE outbox ADD COLUMN send_at INTEGER',
    "ALTER TABLE outbox ADD COLUMN priority TEXT NOT NULL DEFAULT 'normal'",
    "UPDATE outbox SET priority = 'low' WHERE batch IS NOT NULL",
  ],
  [
    // How far a message got, and when.
    'ALTER TABLE outbox ADD COLUMN on_wire_at INTEGER',
    'ALTER TABLE outbox ADD COLUMN settled_at INTEGER',
    'ALTER TABLE outbox ADD COLUMN delivered_at INTEGER',
    'ALTER TABLE outbox ADD COLUMN read_at INTEGER',
    'ALTER TABLE outbox ADD COLUMN played_at INTEGER',
    // When it was told that it waits for too long.
    'ALTER TABLE outbox ADD COLUMN stalled_at INTEGER',
    'CREATE INDEX outbox_settled ON outbox (session, settled_at)',
  ],
  [
    // done_at: when it was sent or given up, by our clock. opened: it was the first of its chat.
    'ALTER TABLE outbox ADD COLUMN done_at INTEGER',
    'ALTER TABLE outbox ADD COLUMN opened INTEGER NOT NULL DEFAULT 0',
    "UPDATE outbox SET done_at = accepted_at WHERE state <> 'queued'",
    'CREATE INDEX outbox_done ON outbox (session, state, done_at)',
    'CREATE INDEX outbox_of_chat ON outbox (session, chat, state, done_at)',
    'CREATE INDEX outbox_opened ON outbox (session, opened, done_at)',
  ],
  [
    // typing: the recipient sees somebody type first.
    'ALTER TABLE outbox ADD COLUMN typing INTEGER NOT NULL DEFAULT 0',
  ],
  [
    // A checksum over the row: damage that still looks like a key would cost messages, or the account.
    'ALTER TABLE keys ADD COLUMN sum INTEGER',
  ],
  [
    // Accounts that may begin no chats, as WhatsApp said.
    `CREATE TABLE restrictions (session TEXT PRIMARY KEY, account TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, reason TEXT)`,
  ],
  [
    // Reconnecting goes on where the last process was: the number of the last dial of a row, and when it was.
    'ALTER TABLE sessions ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0',
    'ALTER TABLE sessions ADD COLUMN dialled_at INTEGER NOT NULL DEFAULT 0',
  ],
  [
    // asks_for_devices: refused once because of the recipients' devices.
    'ALTER TABLE outbox ADD COLUMN asks_for_devices INTEGER NOT NULL DEFAULT 0',
  ],
  [
    // How far members of groups got with what was sent to them.
    `CREATE TABLE members_reached (session TEXT NOT NULL, id TEXT NOT NULL, member TEXT NOT NULL, ack INTEGER NOT NULL,
      PRIMARY KEY (session, id, member))`,
  ],
  [
    // How often a message was tried and could not go, and when it is tried again.
    'ALTER TABLE outbox ADD COLUMN tries INTEGER NOT NULL DEFAULT 0',
    'ALTER TABLE outbox ADD COLUMN retry_at INTEGER',
  ],
]

/** Brings the database to the newest schema, in the transaction of the caller. */
export function* migrate(): Work<void> {
  yield* run('CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY)')
  const [at] = yield* rows<{ version: number | null }>('SELECT max(version) AS version FROM migrations')
  for (let version = (at?.version ?? 0) + 1; version <= MIGRATIONS.length; version++) {
    for (const sql of MIGRATIONS[version - 1] ?? []) yield* run(sql)
    yield* run('INSERT INTO migrations (version) VALUES (?)', version)
  }
}
