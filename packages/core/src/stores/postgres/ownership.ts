import type { Client } from 'pg'
import { WamuxError } from '../../errors.ts'
import type { Connections } from './connections.ts'

/** `wamu`, so that the lock cannot meet that of another program in the same database. */
const LOCK = 0x77_61_6d_75
const AGAIN_MS = 1_000

/**
 * One process per database: two sockets on one account and two writers on one ratchet would lose messages. A lock that
 * lives as long as a connection says who may begin; a number that grows with each owner is checked in every commit, so
 * that a process which was cut off from the lock, or stopped for an hour, cannot write over its successor.
 */
export class Ownership {
  readonly #connections: Connections
  #client: Client | undefined
  #epoch = 0
  #again: NodeJS.Timeout | undefined
  #isReleased = false

  constructor(connections: Connections) {
    this.#connections = connections
  }

  /** Which owner we are. */
  get epoch(): number {
    return this.#epoch
  }

  /** @throws STORE_FAILED when another process has the database */
  async take(): Promise<void> {
    if (!(await this.#lock())) throw new WamuxError('STORE_FAILED', 'The database is in use by another process.')
    const client = this.#client
    if (!client) throw new WamuxError('STORE_FAILED', 'The database was lost while it was opened.')
    await client.query('CREATE TABLE IF NOT EXISTS owner (one INTEGER PRIMARY KEY, epoch BIGINT NOT NULL)')
    const { rows } = await client.query<{ epoch: number }>(
      'INSERT INTO owner (one, epoch) VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET epoch = owner.epoch + 1 RETURNING epoch',
    )
    this.#epoch = rows[0]?.epoch ?? 0
  }

  async release(): Promise<void> {
    this.#isReleased = true
    clearTimeout(this.#again)
    await this.#client?.end()
    this.#client = undefined
  }

  async #lock(): Promise<boolean> {
    const client = await this.#connections.dial((lost) => this.#lost(lost))
    const { rows } = await client.query<{ locked: boolean }>(
      'SELECT pg_try_advisory_lock($1, hashtext(current_schema())) AS locked',
      [LOCK],
    )
    if (rows[0]?.locked === true && !this.#isReleased) {
      this.#client = client
      return true
    }
    await client.end()
    return false
  }

  /** The lock went with its connection. Until it is back every commit still checks whose the database is. */
  #lost(client: Client): void {
    if (this.#isReleased || this.#client !== client) return
    this.#client = undefined
    this.#retry()
  }

  #retry(): void {
    if (this.#isReleased) return
    this.#again = setTimeout(() => {
      // A database that is still away, or that another process has taken: commits say so to whoever is affected.
      this.#lock().then(
        (isOurs) => isOurs || this.#retry(),
        () => this.#retry(),
      )
    }, AGAIN_MS).unref()
  }
}
