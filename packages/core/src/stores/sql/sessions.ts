import type { Dial } from '../../backoff.ts'
import type { Account } from '../../shared.ts'
import { row, rows, run, type Work } from '../store.ts'

/** A session as it is kept. `ended` says how it came to rest: then a restart of the process leaves it alone. */
export interface SessionRow {
  id: string
  name: string
  wanted: 'running' | 'stopped'
  ended: string | null
  account: Account | null
  /** Up to this `seq` the events were told to listeners of this process or one before it. */
  announced: number
  createdAt: number
}

interface Stored {
  id: string
  name: string
  wanted: 'running' | 'stopped'
  ended: string | null
  account: string | null
  announced: number
  created_at: number
}

const COLUMNS = 'id, name, wanted, ended, account, announced, created_at'
/** Every table whose first column says whose row it is. */
const TABLES = [
  'keys',
  'archived_keys',
  'plaintexts',
  'stanzas',
  'events',
  'messages',
  'chats',
  'contacts',
  'outbox',
  'members_reached',
  'batches',
  'idempotency_keys',
  'restrictions',
  'api_keys',
  'ports',
  'webhooks',
  'deliveries',
]

/** An account that there is, whatever its name: nobody makes new credentials for it. Its own will name it. */
const NAMELESS: Account = { phone: '', lid: null, name: '' }

/** One damaged row must not keep the others from starting. */
function parsed<T>(text: string | null, otherwise: T): T | null {
  try {
    return text === null ? null : JSON.parse(text)
  } catch {
    return otherwise
  }
}

const read = (stored: Stored): SessionRow => ({
  id: stored.id,
  name: stored.name,
  wanted: stored.wanted === 'stopped' ? 'stopped' : 'running',
  // How it ended can no longer be read: the next start finds out again.
  ended: parsed(stored.ended, null) && stored.ended,
  account: parsed(stored.account, NAMELESS),
  announced: stored.announced,
  createdAt: stored.created_at,
})

export function* all(): Work<SessionRow[]> {
  return (yield* rows<Stored>(`SELECT ${COLUMNS} FROM sessions ORDER BY created_at, id`)).map(read)
}

export function* exists(id: string): Work<boolean> {
  return (yield* row('SELECT 1 AS one FROM sessions WHERE id = ?', id)) !== undefined
}

export function* insert(session: SessionRow): Work<void> {
  yield* run(
    `INSERT INTO sessions (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    session.id,
    session.name,
    session.wanted,
    session.ended,
    session.account && JSON.stringify(session.account),
    session.announced,
    session.createdAt,
  )
}

export function* rename(id: string, name: string): Work<void> {
  yield* run('UPDATE sessions SET name = ? WHERE id = ?', name, id)
}

export function* setWanted(id: string, wanted: 'running' | 'stopped'): Work<void> {
  // Whoever starts or stops a session by hand has seen how it ended.
  yield* run('UPDATE sessions SET wanted = ?, ended = NULL WHERE id = ?', wanted, id)
}

export function* setEnded(id: string, ended: string): Work<void> {
  yield* run('UPDATE sessions SET ended = ? WHERE id = ?', ended, id)
}

/** Notes, before it happens, that somebody dials; or, with a lower number, that an attempt was ended by ourselves. */
export function* setDial(id: string, { attempt, at }: Dial): Work<void> {
  yield* run('UPDATE sessions SET attempt = ?, dialled_at = ? WHERE id = ?', attempt, at, id)
}

export function* lastDial(id: string): Work<Dial> {
  return (
    (yield* row<{ attempt: number; at: number }>(
      'SELECT attempt, dialled_at AS at FROM sessions WHERE id = ?',
      id,
    )) ?? { attempt: 0, at: 0 }
  )
}

/** When anybody dialled last. */
export function* lastDialAt(): Work<number> {
  return (yield* row<{ at: number | null }>('SELECT max(dialled_at) AS at FROM sessions'))?.at ?? 0
}

export function* setAccount(id: string, account: Account | null): Work<void> {
  yield* run('UPDATE sessions SET account = ? WHERE id = ?', account && JSON.stringify(account), id)
}

export function* setAnnounced(id: string, seq: number): Work<void> {
  yield* run('UPDATE sessions SET announced = ? WHERE id = ? AND announced < ?', seq, id, seq)
}

/** Everything about a session goes. */
export function* remove(id: string): Work<void> {
  for (const table of TABLES) yield* run(`DELETE FROM ${table} WHERE session = ?`, id)
  yield* run('DELETE FROM sessions WHERE id = ?', id)
}
