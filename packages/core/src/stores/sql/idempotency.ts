import { row, run, type Work } from '../store.ts'

/** What was asked for under an idempotency key. It is written in the transaction that accepts the messages. */
export interface KeptRequest {
  /** Of what was asked for: another request under the same key is a mistake of its sender. */
  hash: string
  /** The message's id, or the batch's. */
  target: string
  /** What was answered, as JSON; null when the process ended before it knew. */
  answer: string | null
}

export function* claim(session: string, key: string, request: KeptRequest, now: number, keptSince: number): Work<void> {
  yield* run('DELETE FROM idempotency_keys WHERE session = ? AND key = ? AND at <= ?', session, key, keptSince)
  yield* run(
    'INSERT INTO idempotency_keys (session, key, hash, target, answer, at) VALUES (?, ?, ?, ?, ?, ?)',
    session,
    key,
    request.hash,
    request.target,
    request.answer,
    now,
  )
}

export function* find(session: string, key: string, keptSince: number): Work<KeptRequest | undefined> {
  return yield* row<KeptRequest>(
    'SELECT hash, target, answer FROM idempotency_keys WHERE session = ? AND key = ? AND at > ?',
    session,
    key,
    keptSince,
  )
}

export function* answer(session: string, key: string, text: string): Work<void> {
  yield* run('UPDATE idempotency_keys SET answer = ? WHERE session = ? AND key = ?', text, session, key)
}

export function* dropOld(keptSince: number): Work<void> {
  yield* run('DELETE FROM idempotency_keys WHERE at <= ?', keptSince)
}
