import { createHash } from 'node:crypto'
import type { Client, ClientConfig, CustomTypesConfig, Pool } from 'pg'
import { WamuxError } from '../../errors.ts'
import type { Row, Statement } from '../store.ts'
import { fromText, toParameter, toPostgres } from './dialect.ts'

type Pg = typeof import('pg')['default']

/** PostgreSQL's numbers for its types. */
const TYPE = { int8: 20, text: 25, varchar: 1043, numeric: 1700 } as const
const READERS = 4
const DIAL_MS = 10_000
/** Longer than any statement of ours takes. One that is never answered would hold all sessions for ever. */
const ANSWER_MS = 30_000
/** A machine that vanishes says no farewell: without this its lock would be held for two hours. One minute. */
const NOTICE_DEATH = 'SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3'
/** Statements that a connection keeps parsed. Lists of ids make new ones now and then; those beyond are parsed each time. */
const KEPT_STATEMENTS = 500

/** Something that takes statements: a client, or one of a pool. */
export interface Executor {
  query(config: { text: string; values: unknown[]; name?: string }): Promise<{ rows: Row[] }>
}

/** How this process reaches its database. The only file that knows `pg`. */
export class Connections {
  readonly #pg: Pg
  readonly #config: ClientConfig
  readonly readers: Pool
  readonly #statements = new Map<string, { text: string; name: string | undefined }>()

  constructor(pg: Pg, url: string) {
    this.#pg = pg
    this.#config = {
      connectionString: url,
      application_name: 'wamux',
      connectionTimeoutMillis: DIAL_MS,
      query_timeout: ANSWER_MS,
      statement_timeout: ANSWER_MS,
      // What a network that was cut has left behind would hold its rows for hours.
      idle_in_transaction_session_timeout: ANSWER_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: 30_000,
      types: types(pg),
    }
    this.readers = new pg.Pool({ ...this.#config, max: READERS, idleTimeoutMillis: 60_000 })
    // An idle connection that breaks is replaced by the pool; whoever asks next is told if that does not work.
    this.readers.on('error', () => undefined)
    // One that breaks between two statements of a read has nobody else to tell, and would end the process.
    this.readers.on('connect', (client) => void client.on('error', () => undefined))
  }

  /** @throws STORE_FAILED when `pg` is not installed or the address cannot be read */
  static async to(url: string): Promise<Connections> {
    try {
      const { default: pg } = await import('pg')
      return new Connections(pg, url)
    } catch (error) {
      throw new WamuxError('STORE_FAILED', 'PostgreSQL cannot be used. Is the package "pg" installed?', undefined, {
        cause: error,
      })
    }
  }

  /** A connection of its own. `onLost` is called once when it breaks; one that never came about rejects instead. */
  async dial(onLost: (client: Client) => void): Promise<Client> {
    const client = new this.#pg.Client(this.#config)
    let isUp = false
    const lose = () => {
      if (isUp) onLost(client)
      isUp = false
    }
    client.on('error', lose)
    client.on('end', lose)
    await client.connect()
    await client.query(NOTICE_DEATH)
    isUp = true
    return client
  }

  async execute(on: Executor, { sql, params }: Statement): Promise<Row[]> {
    const { text, name } = this.#statement(sql)
    const { rows } = await on.query({ text, values: params.map(toParameter), ...(name !== undefined && { name }) })
    return rows
  }

  close(): Promise<void> {
    return this.readers.end()
  }

  #statement(sql: string) {
    let statement = this.#statements.get(sql)
    if (!statement) {
      const text = toPostgres(sql)
      const name = createHash('sha256').update(text).digest('base64url').slice(0, 20)
      statement = { text, name: this.#statements.size < KEPT_STATEMENTS ? name : undefined }
      if (statement.name) this.#statements.set(sql, statement)
    }
    return statement
  }
}

/** Whether PostgreSQL itself said so. Whatever else ends a query leaves open whether it was carried out. */
export function isAnswer(error: unknown): boolean {
  return error instanceof Error && 'severity' in error
}

/** Counts and times are numbers here; `pg` would give texts, because they could be larger than a number holds. */
function types(pg: Pg): CustomTypesConfig {
  return {
    getTypeParser: (type, format) => {
      if (type === TYPE.int8 || type === TYPE.numeric) return Number
      if (type === TYPE.text || type === TYPE.varchar) return fromText
      return pg.types.getTypeParser(type, format)
    },
  }
}
