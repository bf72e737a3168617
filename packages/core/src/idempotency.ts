import { createHash } from 'node:crypto'
import { invalid, WamuxError } from './errors.ts'
import { KEEP_IDEMPOTENCY_KEYS_MS } from './options.ts'
import * as rows from './stores/sql/idempotency.ts'
import type { Store, Work } from './stores/store.ts'

/** One request that may come again under the same key. */
export interface Repeatable<T> {
  /** Undefined: every call is a new one. */
  key: string | undefined
  /** What tells this request from another; whatever JSON can say. */
  request: unknown
  /**
   * Does what is asked for. `claim` belongs into the transaction that accepts it: a request that was refused has not
   * used its key.
   */
  first(claim: (target: string) => Work<void>): Promise<T>
  /** Answers as the first time. */
  again(kept: rows.KeptRequest): Promise<T>
}

/** Sees to it that what is asked for twice under one key is done once. Keys of one session; a restart forgets none. */
export class Idempotency {
  readonly #session: string
  readonly #store: Store
  /** The store has one owner, so that what runs is known here, and a crash leaves nothing running. */
  readonly #running = new Set<string>()

  constructor(session: string, store: Store) {
    this.#session = session
    this.#store = store
  }

  /** @throws INVALID_INPUT, IDEMPOTENCY_IN_PROGRESS, IDEMPOTENCY_MISMATCH */
  async once<T>({ key, request, first, again }: Repeatable<T>): Promise<T> {
    if (key === undefined) return first(nothing)
    if (!/^[\x21-\x7e]{1,255}$/.test(key)) throw invalid('idempotencyKey', 'must be 1–255 visible ASCII characters.')
    if (this.#running.has(key)) {
      throw new WamuxError('IDEMPOTENCY_IN_PROGRESS', 'A request with this idempotency key is running. Ask again soon.')
    }
    this.#running.add(key)
    try {
      const session = this.#session
      const hash = createHash('sha256').update(JSON.stringify(request)).digest('base64')
      const kept = await this.#store.read(() => rows.find(session, key, Date.now() - KEEP_IDEMPOTENCY_KEYS_MS))
      if (!kept) {
        return await first((target) => {
          const now = Date.now()
          return rows.claim(session, key, { hash, target, answer: null }, now, now - KEEP_IDEMPOTENCY_KEYS_MS)
        })
      }
      if (kept.hash !== hash) {
        throw new WamuxError('IDEMPOTENCY_MISMATCH', 'This idempotency key was used for another request.')
      }
      return await again(kept)
    } finally {
      this.#running.delete(key)
    }
  }

  /** Keeps what is about to be answered. */
  async answer(key: string | undefined, text: string): Promise<void> {
    if (key !== undefined) await this.#store.write(() => rows.answer(this.#session, key, text))
  }
}

function* nothing(): Work<void> {}
