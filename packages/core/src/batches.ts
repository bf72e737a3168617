import { WamuxError } from './errors.ts'
import { SEND_DEADLINE_MS } from './options.ts'
import type { Outbox } from './outbox.ts'
import type { BatchState } from './shared.ts'
import * as batches from './stores/sql/batches.ts'
import * as rows from './stores/sql/outbox.ts'
import type { Store } from './stores/store.ts'

/**
 * Holds batches of one session up, lets them go on, and calls them off, or a single message. Written first, then told to the outbox; one
 * command after the other, so that what is written and what the outbox does cannot differ.
 */
export class Batches {
  readonly #session: string
  readonly #store: Store
  readonly #outbox: Outbox
  #tail: Promise<void> = Promise.resolve()

  constructor(session: string, store: Store, outbox: Outbox) {
    this.#session = session
    this.#store = store
    this.#outbox = outbox
  }

  /** @throws NOT_FOUND */
  pause(batch: string): Promise<void> {
    return this.#next(async () => {
      if ((await this.#set(batch, 'paused')) !== 'paused') return
      await this.#outbox.hold(batch, await this.#waiting(batch))
    })
  }

  /** The time that a message has begins anew: it was not the queue that kept it waiting. @throws NOT_FOUND */
  resume(batch: string): Promise<void> {
    return this.#next(async () => {
      const now = Date.now()
      if ((await this.#set(batch, 'running', now)) !== 'running') return
      await this.#outbox.release(batch, now)
    })
  }

  /** @throws NOT_FOUND */
  cancel(batch: string): Promise<void> {
    return this.#next(async () => {
      await this.#set(batch, 'cancelled')
      await this.#outbox.cancel(batch, await this.#waiting(batch))
    })
  }

  /** @throws NOT_FOUND, TOO_LATE */
  cancelMessage(id: string): Promise<void> {
    return this.#next(async () => {
      const entry = await this.#entry(id)
      if (entry.state === 'cancelled' || (await this.#outbox.callOff(entry))) return
      // Whoever was faster has settled it meanwhile, or will.
      const { state } = await this.#entry(id)
      if (state === 'cancelled') return
      const step = state === 'queued' ? 'on_wire' : state === 'sent' ? 'server' : state
      throw new WamuxError('TOO_LATE', 'The message cannot be called off any more.', { state: step })
    })
  }

  #next(command: () => Promise<void>): Promise<void> {
    const done = this.#tail.then(command)
    this.#tail = done.catch(() => {}) // whoever gave the command hears of it
    return done
  }

  async #entry(id: string): Promise<rows.OutboxEntry> {
    const entry = await this.#store.read(() => rows.byId(this.#session, id))
    if (!entry) throw new WamuxError('NOT_FOUND', 'There is no such message.')
    return entry
  }

  async #waiting(batch: string): Promise<rows.OutboxEntry[]> {
    const entries = await this.#store.read(() => rows.ofBatch(this.#session, batch))
    return entries.filter(({ state }) => state === 'queued')
  }

  async #set(batch: string, state: BatchState, resumedAt?: number): Promise<BatchState> {
    const session = this.#session
    return this.#store.write(function* () {
      if ((yield* rows.ofBatch(session, batch)).length === 0) {
        throw new WamuxError('NOT_FOUND', 'There is no such batch.')
      }
      const before = yield* batches.stateOf(session, batch)
      if (resumedAt !== undefined && before === 'paused')
        yield* rows.extend(session, batch, resumedAt, SEND_DEADLINE_MS)
      return yield* batches.setState(session, batch, state)
    })
  }
}
