import { row, rows, run, type Work } from '../store.ts'

/** A key acts as one session. Its secret is never stored, only the hash of it. */
export interface ApiKeyRow {
  id: string
  session: string
  hash: string
  createdAt: number
  revokedAt: number | null
}

interface Stored {
  id: string
  session: string
  hash: string
  created_at: number
  revoked_at: number | null
}

const COLUMNS = 'id, session, hash, created_at, revoked_at'

const read = ({ created_at, revoked_at, ...rest }: Stored): ApiKeyRow => ({
  ...rest,
  createdAt: created_at,
  revokedAt: revoked_at,
})

export function* add(key: Omit<ApiKeyRow, 'revokedAt'>): Work<void> {
  yield* run(
    `INSERT INTO api_keys (${COLUMNS}) VALUES (?, ?, ?, ?, NULL)`,
    key.id,
    key.session,
    key.hash,
    key.createdAt,
  )
}

export function* find(id: string): Work<ApiKeyRow | undefined> {
  const stored = yield* row<Stored>(`SELECT ${COLUMNS} FROM api_keys WHERE id = ?`, id)
  return stored && read(stored)
}

/** All keys of a session, newest first, the revoked ones too. */
export function* list(session: string): Work<ApiKeyRow[]> {
  const found = yield* rows<Stored>(
    `SELECT ${COLUMNS} FROM api_keys WHERE session = ? ORDER BY created_at DESC, id DESC`,
    session,
  )
  return found.map(read)
}

/** Whether the session has such a key; one that was revoked before stays as it is. */
export function* revoke(session: string, id: string, at: number): Work<boolean> {
  const [found] = yield* rows(
    'UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE session = ? AND id = ? RETURNING id',
    at,
    session,
    id,
  )
  return found !== undefined
}
