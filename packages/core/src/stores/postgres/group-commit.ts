import type { Client } from 'pg'
import { isWamuxError, WamuxError } from '../../errors.ts'
import type { Row, Work } from '../store.ts'
import { type Connections, type Executor, isAnswer } from './connections.ts'

interface Unit {
  work: () => Work<unknown>
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
}

/** A session that has been away for hours must not make all others wait for one endless commit. */
const AT_ONCE = 256

/**
 * Runs writes on one connection, in order. Those of one turn of the event loop, and those that came while the last
 * commit ran, share a transaction; each promise settles after the commit. What opens, parts and ends it travels with
 * as few messages as possible: a commit of one unit costs two round trips beside its own statements.
 */
export class GroupCommit {
  readonly #connections: Connections
  readonly #epoch: () => number
  #client: Client | undefined
  #dialling: Promise<Client> | undefined
  /** A commit was neither confirmed nor refused: PostgreSQL may carry it out yet, if its words are still on the way. */
  #isInDoubt = false
  #waiting: Unit[] = []
  #running: Promise<void> | undefined

  constructor(connections: Connections, epoch: () => number) {
    this.#connections = connections
    this.#epoch = epoch
  }

  write<T>(work: () => Work<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      // `resolve` only ever gets what `work` returned, so unknown is T here.
      this.#waiting.push({ work, resolve: resolve as (value: unknown) => void, reject })
      this.#running ??= this.#runAll()
    })
  }

  /** Resolves when every commit that was given up has either been carried out or never will be. */
  async decided(): Promise<void> {
    if (this.#isInDoubt) await this.#connect()
  }

  /** Commits what waits and lets go of the connection. */
  async close(): Promise<void> {
    await this.#running
    await this.#client?.end()
    this.#client = undefined
  }

  async #runAll(): Promise<void> {
    // What else this turn gives shares the commit.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#waiting.length > 0) await this.#commit(this.#waiting.splice(0, AT_ONCE))
    this.#running = undefined
  }

  /** Never rejects: each unit is told what became of it. */
  async #commit(units: readonly Unit[]): Promise<void> {
    const settled: (() => void)[] = []
    let client: Client | undefined
    try {
      client = await this.#connect()
      await this.#begin(client)
      for (const [index, unit] of units.entries()) {
        if (index > 0) await client.query('RELEASE unit; SAVEPOINT unit')
        try {
          const value = await perform(this.#connections, client, unit.work())
          settled.push(() => unit.resolve(value))
        } catch (error) {
          if (client !== this.#client) throw error // the connection broke: nothing of this commit was kept
          settled.push(() => unit.reject(error))
          await client.query('ROLLBACK TO unit')
        }
      }
      await client.query('RELEASE unit; COMMIT')
    } catch (error) {
      // Before anybody hears of it: whoever does reads again.
      if (client && !isAnswer(error) && !isWamuxError(error)) this.#isInDoubt = true
      if (client) this.#giveUp(client)
      for (const unit of units) unit.reject(error)
      return
    }
    for (const settle of settled) settle()
  }

  /** @throws STORE_FAILED when the database has another owner by now: nothing is written over what that one wrote */
  async #begin(client: Client): Promise<void> {
    const answers = await client.query(
      `BEGIN; SELECT 1 FROM owner WHERE one = 1 AND epoch = ${this.#epoch()} FOR SHARE; SAVEPOINT unit`,
    )
    // Several statements in one text give several answers; the type of `query` speaks of one.
    const owned = (answers as unknown as { rowCount: number | null }[])[1]?.rowCount
    if (owned !== 1) throw new WamuxError('STORE_FAILED', 'The database belongs to another process by now.')
  }

  #connect(): Promise<Client> {
    if (this.#client) return Promise.resolve(this.#client)
    this.#dialling ??= this.#dial().finally(() => {
      this.#dialling = undefined
    })
    return this.#dialling
  }

  async #dial(): Promise<Client> {
    const client = await this.#connections.dial((lost) => {
      if (this.#client === lost) this.#client = undefined
    })
    try {
      // Every commit holds the owner's row to its end: whoever has it alone knows that none is left. Without this a
      // late one could change what its account has read again by then, and a ratchet would go two ways.
      if (this.#isInDoubt) await client.query('SELECT 1 FROM owner WHERE one = 1 FOR UPDATE')
    } catch (error) {
      this.#giveUp(client)
      throw error
    }
    this.#isInDoubt = false
    this.#client = client
    return client
  }

  /** A connection whose state is not known is not used again; PostgreSQL undoes what it had begun. */
  #giveUp(client: Client): void {
    if (this.#client === client) this.#client = undefined
    // Not awaited: a network that swallows everything would never let it end.
    client.end().catch(() => undefined)
  }
}

/** Runs a work, statement by statement. */
export async function perform<T>(connections: Connections, on: Executor, work: Work<T>): Promise<T> {
  let step = work.next()
  while (!step.done) {
    let result: Row[]
    try {
      result = await connections.execute(on, step.value)
    } catch (error) {
      step = work.throw(error) // lets a work's own `finally` run; it may not swallow a failed statement
      throw error
    }
    step = work.next(result)
  }
  return step.value
}
