import { crc32 } from 'node:zlib'
import { unreadable } from '../../errors.ts'
import { row, rows, run, type Work } from '../store.ts'

/** Credentials and Signal keys, as text that only `whatsapp/` can read. */

/** Few enough for every database's limit of parameters. */
const AT_ONCE = 500
const ARCHIVE_MS = 30 * 24 * 60 * 60_000
/** As long as the stanzas that may be handled again. */
const PLAINTEXT_MS = 40 * 24 * 60 * 60_000

/**
 * A number that changes with any damage to a row, or when its value belongs to another. Half of what can be damaged in a
 * key still looks like a key: with it WhatsApp would be told that messages cannot be read, or find a stranger.
 */
const sumOf = (session: string, type: string, id: string, value: string): number =>
  crc32([session, type, id, value].join('\0'))

/**
 * The stored values by id; ids that are not stored are missing.
 * @throws CREDENTIALS_UNREADABLE when a value is not what was written
 */
export function* get(session: string, type: string, ids: readonly string[]): Work<Map<string, string>> {
  const found = new Map<string, string>()
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = ids.slice(from, from + AT_ONCE)
    const marks = some.map(() => '?').join(', ')
    const values = yield* rows<{ id: string; value: string; sum: number | null }>(
      `SELECT id, value, sum FROM keys WHERE session = ? AND type = ? AND id IN (${marks})`,
      session,
      type,
      ...some,
    )
    for (const { id, value, sum } of values) {
      // Those without one were written before there were any.
      if (sum !== null && sum !== sumOf(session, type, id, value))
        throw unreadable(session, `${type}/${id}`, 'is damaged')
      found.set(id, value)
    }
  }
  return found
}

/** The ids of a type that begin with `prefix`. */
export function* idsFrom(session: string, type: string, prefix: string): Work<string[]> {
  const found = yield* rows<{ id: string }>(
    'SELECT id FROM keys WHERE session = ? AND type = ? AND id >= ? AND id < ?',
    session,
    type,
    prefix,
    `${prefix}\u{10ffff}`,
  )
  return found.map(({ id }) => id)
}

/** Null deletes. */
export function* put(session: string, type: string, id: string, value: string | null): Work<void> {
  if (value === null) return yield* run('DELETE FROM keys WHERE session = ? AND type = ? AND id = ?', session, type, id)
  yield* run(
    `INSERT INTO keys (session, type, id, value, sum) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (session, type, id) DO UPDATE SET value = excluded.value, sum = excluded.sum`,
    session,
    type,
    id,
    value,
    sumOf(session, type, id, value),
  )
}

/** Puts all keys of a session aside: a log-out can be WhatsApp's mistake, or another's. */
export function* archive(session: string, now: number): Work<void> {
  yield* run(
    'INSERT INTO archived_keys (session, archived_at, type, id, value) SELECT session, ?, type, id, value FROM keys WHERE session = ?',
    now,
    session,
  )
  yield* run('DELETE FROM keys WHERE session = ?', session)
  yield* run('DELETE FROM plaintexts WHERE session = ?', session)
  yield* run('DELETE FROM stanzas WHERE session = ?', session)
}

export function* dropOldArchives(now: number): Work<void> {
  yield* run('DELETE FROM archived_keys WHERE archived_at < ?', now - ARCHIVE_MS)
}

/** A ciphertext's plaintext, if it was decrypted before. */
export function* plaintext(session: string, hash: string): Work<Uint8Array | undefined> {
  const found = yield* row<{ plaintext: Uint8Array }>(
    'SELECT plaintext FROM plaintexts WHERE session = ? AND hash = ?',
    session,
    hash,
  )
  return found?.plaintext
}

export function* putPlaintext(session: string, hash: string, plaintext: Uint8Array, now: number): Work<void> {
  yield* run(
    'INSERT INTO plaintexts (session, hash, plaintext, at) VALUES (?, ?, ?, ?) ON CONFLICT (session, hash) DO NOTHING',
    session,
    hash,
    plaintext,
    now,
  )
}

/** WhatsApp forgets undelivered messages after about a month: nothing is delivered again later. */
export function* dropOldPlaintexts(now: number): Work<void> {
  yield* run('DELETE FROM plaintexts WHERE at < ?', now - PLAINTEXT_MS)
}
