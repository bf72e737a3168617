import { WamuxError } from '../../errors.ts'
import { migrate } from '../sql/schema.ts'
import { isFaultOfWork, type Store, type Work } from '../store.ts'
import { Connections, isAnswer } from './connections.ts'
import { GroupCommit, perform } from './group-commit.ts'
import { Ownership } from './ownership.ts'

/** What PostgreSQL answers to a write in a transaction that may only read. */
const READ_ONLY = '25006'

/**
 * Opens a PostgreSQL database (15 or newer), given as `postgres://user:password@host:port/name`, and brings its schema
 * up to date. One process at a time. Needs the package `pg`.
 * @throws STORE_FAILED when it cannot be reached, or another process uses it
 */
export async function openPostgresStore(url: string): Promise<Store> {
  const connections = await Connections.to(url)
  const ownership = new Ownership(connections)
  const commits = new GroupCommit(connections, () => ownership.epoch)
  const store = new PostgresStore(connections, ownership, commits)
  try {
    await ownership.take()
    await commits.write(() => migrate())
    return store
  } catch (error) {
    await store.close()
    if (error instanceof WamuxError) throw error
    throw new WamuxError('STORE_FAILED', 'The database could not be opened.', undefined, { cause: error })
  }
}

class PostgresStore implements Store {
  readonly #connections: Connections
  readonly #ownership: Ownership
  readonly #commits: GroupCommit
  readonly #reads = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(connections: Connections, ownership: Ownership, commits: GroupCommit) {
    this.#connections = connections
    this.#ownership = ownership
    this.#commits = commits
  }

  async read<T>(work: () => Work<T>): Promise<T> {
    this.#assertOpen()
    const reading = this.#read(work)
    this.#reads.add(reading)
    try {
      return await reading
    } finally {
      this.#reads.delete(reading)
    }
  }

  /** One snapshot for the whole work: between two of its statements others commit. */
  async #read<T>(work: () => Work<T>): Promise<T> {
    await this.#commits.decided()
    const client = await this.#connections.readers.connect()
    let broken: boolean | undefined
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
      const result = await perform(this.#connections, client, work())
      await client.query('COMMIT')
      return result
    } catch (error) {
      // Where nobody answers, nobody would answer to this either.
      const isOver = isAnswer(error) || isFaultOfWork(error) ? client.query('ROLLBACK') : Promise.reject(error)
      await isOver.catch(() => {
        broken = true
      })
      if (error instanceof Error && 'code' in error && error.code === READ_ONLY) {
        throw new TypeError('A read must not write.', { cause: error })
      }
      throw error
    } finally {
      client.release(broken)
    }
  }

  async write<T>(work: () => Work<T>): Promise<T> {
    this.#assertOpen()
    return this.#commits.write(work)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    // A pool that ends never answers whoever still waits for a connection of it.
    await Promise.allSettled(this.#reads)
    await Promise.all([this.#commits.close(), this.#connections.close()])
    // Last: whoever opens the database next must find everything written.
    await this.#ownership.release()
  }

  #assertOpen(): void {
    if (this.#closing) throw new WamuxError('STORE_FAILED', 'The store is closed.')
  }
}
