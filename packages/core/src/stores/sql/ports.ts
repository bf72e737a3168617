import { row, rows, run, type Work } from '../store.ts'

/** Which session has a port of its own. */
export interface PortRow {
  session: string
  port: number
}

export function* all(): Work<PortRow[]> {
  return yield* rows<PortRow>('SELECT session, port FROM ports ORDER BY port')
}

export function* get(session: string): Work<number | null> {
  return (yield* row<{ port: number }>('SELECT port FROM ports WHERE session = ?', session))?.port ?? null
}

/** Throws when another session has the port: the column is unique. */
export function* set(session: string, port: number): Work<void> {
  yield* run(
    'INSERT INTO ports (session, port) VALUES (?, ?) ON CONFLICT (session) DO UPDATE SET port = excluded.port',
    session,
    port,
  )
}

export function* remove(session: string): Work<void> {
  yield* run('DELETE FROM ports WHERE session = ?', session)
}
