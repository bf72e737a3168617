import { createHash } from 'node:crypto'
import { row, rows, run, type Work } from '../store.ts'

/** What came from WhatsApp and is remembered for its own sake, under a key that says why. */
const KEPT_MS = 40 * 24 * 60 * 60_000

/** In UTF-16 code units: of four bytes each they still fit into an index of PostgreSQL, with their session. */
const LONGEST = 250

/** Keys hold ids, which strangers choose, of any length. A cut one is longer than any that is not: none looks like another. */
function short(key: string): string {
  if (key.length <= LONGEST) return key
  return `${key.slice(0, LONGEST)} ${createHash('sha256').update(key).digest('hex')}`
}

/** False when it is already kept. */
export function* keep(session: string, key: string, node: Uint8Array, now: number): Work<boolean> {
  const first = yield* row(
    'INSERT INTO stanzas (session, key, node, at) VALUES (?, ?, ?, ?) ON CONFLICT (session, key) DO NOTHING RETURNING key',
    session,
    short(key),
    node,
    now,
  )
  return first !== undefined
}

export function* put(session: string, key: string, node: Uint8Array, now: number): Work<void> {
  yield* run(
    'INSERT INTO stanzas (session, key, node, at) VALUES (?, ?, ?, ?) ON CONFLICT (session, key) DO UPDATE SET node = excluded.node, at = excluded.at',
    session,
    short(key),
    node,
    now,
  )
}

export function* get(session: string, key: string): Work<Uint8Array | undefined> {
  const kept = yield* row<{ node: Uint8Array }>(
    'SELECT node FROM stanzas WHERE session = ? AND key = ?',
    session,
    short(key),
  )
  return kept?.node
}

export function* has(session: string, key: string): Work<boolean> {
  return (yield* row('SELECT 1 AS one FROM stanzas WHERE session = ? AND key = ?', session, short(key))) !== undefined
}

export function* hasAny(session: string, keys: readonly string[]): Work<boolean> {
  const marks = keys.map(() => '?').join(', ')
  const found = yield* row(
    `SELECT 1 AS one FROM stanzas WHERE session = ? AND key IN (${marks}) LIMIT 1`,
    session,
    ...keys.map(short),
  )
  return found !== undefined
}

export function* forget(session: string, key: string): Work<void> {
  yield* run('DELETE FROM stanzas WHERE session = ? AND key = ?', session, short(key))
}

/** Those whose key begins with `prefix`, the oldest first. */
export function* from(session: string, prefix: string): Work<Uint8Array[]> {
  const kept = yield* rows<{ node: Uint8Array }>(
    'SELECT node FROM stanzas WHERE session = ? AND key >= ? AND key < ? ORDER BY at, key',
    session,
    prefix,
    `${prefix}\u{10ffff}`,
  )
  return kept.map(({ node }) => node)
}

/** What WhatsApp keeps undelivered is gone after a month; so is the memory of what could not be read. */
export function* dropOld(now: number): Work<void> {
  yield* run('DELETE FROM stanzas WHERE at < ?', now - KEPT_MS)
}

/** What begins with these words is only remembered, and a busy account has thousands of them a day. */
const REMEMBERED = ['handled ', 'retries ', 'suspect ']
/** WhatsApp delivers again what it has no answer for, which is the newest. */
const MOST = 20_000

/** Of what is only remembered of a session the newest stay, of each kind so many. */
export function* dropMost(session: string, most = MOST): Work<void> {
  for (const prefix of REMEMBERED) {
    const kind = [session, prefix, `${prefix}\u{10ffff}`] as const
    const oldest = yield* row<{ at: number }>(
      'SELECT at FROM stanzas WHERE session = ? AND key >= ? AND key < ? ORDER BY at DESC LIMIT 1 OFFSET ?',
      ...kind,
      most,
    )
    if (oldest)
      yield* run('DELETE FROM stanzas WHERE session = ? AND key >= ? AND key < ? AND at <= ?', ...kind, oldest.at)
  }
}
