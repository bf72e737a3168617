import type { BatchState } from '../../shared.ts'
import { row, rows, run, type Work } from '../store.ts'

/** Batches that somebody held up or called off. One without a row runs. */
export function* stateOf(session: string, batch: string): Work<BatchState> {
  const found = yield* row<{ state: BatchState }>(
    'SELECT state FROM batches WHERE session = ? AND batch = ?',
    session,
    batch,
  )
  return found?.state ?? 'running'
}

/** Changes the state unless the batch is cancelled, which is final; says what it is then. */
export function* setState(session: string, batch: string, state: BatchState): Work<BatchState> {
  yield* run(
    `INSERT INTO batches (session, batch, state) VALUES (?, ?, ?)
      ON CONFLICT (session, batch) DO UPDATE SET state = excluded.state WHERE batches.state <> 'cancelled'`,
    session,
    batch,
    state,
  )
  return yield* stateOf(session, batch)
}

export function* paused(session: string): Work<Set<string>> {
  const found = yield* rows<{ batch: string }>(
    "SELECT batch FROM batches WHERE session = ? AND state = 'paused'",
    session,
  )
  return new Set(found.map(({ batch }) => batch))
}
