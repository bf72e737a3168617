import pg from 'pg'
import { type Cluster as Running, start } from '../../../scripts/postgres-for-tests.mjs'
import type { Run } from './suite.ts'
import { Wire } from './wire.ts'

/**
 * How long an answer is awaited here, and how long PostgreSQL keeps what nobody goes on with, so that a commit can come
 * late; each is 30 s in what is shipped. An operator can set them in the address, too.
 */
const ANSWER_MS = 1_500
const KEPT_MS = 5_000

/** A PostgreSQL of one run's own, which may be ended, and a wire that leads to it. */
export class Cluster {
  readonly wire: Wire
  /** Past the wire. */
  readonly url: string
  readonly #running: Running

  static async start(run: Run): Promise<Cluster> {
    const running = await start()
    if (!running) throw new Error('PostgreSQL is wanted, and this machine has none.')
    run.defer(() => running.stop())
    const wire = await Wire.to(Number(new URL(running.url).port))
    run.defer(async () => wire.close())
    return new Cluster(running, wire)
  }

  private constructor(running: Running, wire: Wire) {
    this.#running = running
    this.url = running.url
    this.wire = wire
  }

  /** Through the wire. */
  get wired(): string {
    const url = new URL(this.url)
    url.port = String(this.wire.port)
    url.searchParams.set('query_timeout', String(ANSWER_MS))
    url.searchParams.set('idle_in_transaction_session_timeout', String(KEPT_MS))
    return url.href
  }

  /** See {@link Running}: `SIGINT` is what an operator does, `SIGQUIT` is as good as a crash. */
  halt(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    return this.#running.halt(signal)
  }

  resume(): Promise<void> {
    return this.#running.resume()
  }

  /** Ends connections of others to this database, as an administrator does: each time all, or one that is in the middle of something. */
  async terminate(times: readonly ('all' | 'busy')[]): Promise<void> {
    const client = new pg.Client({ connectionString: this.url })
    await client.connect()
    try {
      for (const which of times) {
        const busy = which === 'busy' ? "AND state <> 'idle' LIMIT 1" : ''
        await client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() ${busy}`,
        )
      }
    } finally {
      await client.end()
    }
  }
}
