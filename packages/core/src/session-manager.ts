import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DEFAULT_BACKOFF } from './backoff.ts'
import { invalid, WamuxError } from './errors.ts'
import { Teller } from './events.ts'
import { Gate } from './gate.ts'
import { assertLimits } from './limits.ts'
import {
  consoleLogger,
  DEFAULT_CONNECT_AT_ONCE,
  DEFAULT_CONNECTS_PER_SECOND,
  DEFAULT_DATA,
  DEFAULT_KEEP_EVENTS_MS,
  DEFAULT_KEEP_SENT_MS,
  DEFAULT_PACING,
  DEFAULT_SEND_WAIT_MS,
  DEFAULT_STALLED_AFTER_MS,
  DEFAULT_STORE_RETRY_MS,
  KEEP_IDEMPOTENCY_KEYS_MS,
  type SessionManagerOptions,
} from './options.ts'
import { Session } from './session.ts'
import { type Lookups, LookupsOfSession, memoryLookups, sqliteLookups } from './stores/keyv.ts'
import { openPostgresStore } from './stores/postgres/store.ts'
import * as idempotency from './stores/sql/idempotency.ts'
import * as journal from './stores/sql/journal.ts'
import * as keys from './stores/sql/keys.ts'
import * as members from './stores/sql/members.ts'
import * as outbox from './stores/sql/outbox.ts'
import * as rows from './stores/sql/sessions.ts'
import * as stanzas from './stores/sql/stanzas.ts'
import { openSqliteStore } from './stores/sqlite/store.ts'
import { isOfWholeStore, type Store, type Work } from './stores/store.ts'
import { watched } from './stores/watched.ts'

export interface CreateOptions {
  /** `[A-Za-z0-9_-]`, 1–64 characters; a UUID by default. */
  id?: string
  /** Default: the id. */
  name?: string
  /** Done in the transaction that creates the session: what belongs to it exists with it, or not at all. */
  setup?: () => Work<void>
}

const DAY_MS = 24 * 60 * 60_000
/** How often it is looked for messages whose time is over. */
const EXPIRY_MS = 60_000

/**
 * Many WhatsApp accounts in one process.
 *
 * ```ts
 * const manager = new SessionManager({ data: './data' })
 * manager.on('qr', ({ data }) => console.log(data.qr))
 * manager.on('message', async ({ sessionId, data }) => {
 *   if (!data.isFromMe) await manager.session(sessionId).send(data.chatId, `You said: ${data.body}`)
 * })
 * await manager.start()
 * if (manager.sessions().length === 0) await manager.create({ id: 'support' })
 * ```
 *
 * Register listeners before {@link start}: what was written before a crash and not told yet is told at once.
 */
export class SessionManager extends Teller {
  readonly #options: SessionManagerOptions
  readonly #sessions = new Map<string, Session>()
  readonly #gate: Gate
  #store: Store | undefined
  #lookups: Lookups | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #housekeeping: NodeJS.Timeout | undefined
  #expiry: NodeJS.Timeout | undefined

  constructor(options: SessionManagerOptions = {}) {
    super(options.logger ?? consoleLogger)
    const { pacing } = options
    if (pacing && !(pacing.minMs >= 0 && pacing.maxMs >= pacing.minMs)) {
      throw invalid('pacing', 'must have a minMs of 0 or more and a maxMs that is not smaller.')
    }
    assertLimits(options.limits ?? {})
    const { connectsPerSecond = DEFAULT_CONNECTS_PER_SECOND, backoff = DEFAULT_BACKOFF } = options
    if (!(connectsPerSecond > 0)) throw invalid('connectsPerSecond', 'must be more than 0.')
    if (!(backoff.firstMs >= 0 && backoff.longestMs >= backoff.firstMs)) {
      throw invalid('backoff', 'must have a firstMs of 0 or more and a longestMs that is not smaller.')
    }
    this.#options = options
    this.#gate = new Gate(options.connectAtOnce ?? DEFAULT_CONNECT_AT_ONCE, connectsPerSecond)
  }

  /** Where everything is kept. @throws STOPPING before {@link start} and after {@link stop} */
  get store(): Store {
    if (!this.#store) throw new WamuxError('STOPPING', 'The manager is not started.')
    return this.#store
  }

  /**
   * Opens the store and connects every session that ran when the last process ended. Resolves when the store is open;
   * `ready` is told for each session. Calls while starting share one start.
   * @throws STORE_FAILED when another process uses the data folder or the database, or it cannot be opened
   */
  start(): Promise<void> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  /** Closes all connections and the store. Sessions that ran will run again after the next start. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop().finally(() => {
      this.#stopping = undefined
    })
    return this.#stopping
  }

  /**
   * Makes a session and begins to link it: its `qr` events, or {@link Session.qr}, say what to scan.
   * @throws INVALID_INPUT, INSTANCE_EXISTS
   */
  async create({ id = randomUUID(), name = id, setup }: CreateOptions = {}): Promise<Session> {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(id)) throw invalid('id', 'must have 1 to 64 of A–Z, a–z, 0–9, _ and -.')
    const row: rows.SessionRow = {
      id,
      name,
      wanted: 'running',
      ended: null,
      account: null,
      announced: 0,
      createdAt: Date.now(),
    }
    await this.store.write(function* () {
      if (yield* rows.exists(id)) throw new WamuxError('INSTANCE_EXISTS', `There already is a session ${id}.`, { id })
      yield* rows.insert(row)
      if (setup) yield* setup()
    })
    const session = this.#add(row)
    await session.start()
    return session
  }

  /** @throws INSTANCE_NOT_FOUND */
  session(id: string): Session {
    const session = this.#sessions.get(id)
    if (!session) throw new WamuxError('INSTANCE_NOT_FOUND', `There is no session ${id}.`, { id })
    return session
  }

  /** All sessions, the oldest first. */
  sessions(): Session[] {
    return [...this.#sessions.values()]
  }

  /** @throws INSTANCE_NOT_FOUND */
  async rename(id: string, name: string): Promise<void> {
    const session = this.session(id)
    await this.store.write(() => rows.rename(id, name))
    session.renamed(name)
  }

  /** Deletes a session with everything that belongs to it. Does not unlink the account: {@link Session.logout} does. */
  async remove(id: string, cleanup?: () => Work<void>): Promise<void> {
    const session = this.#sessions.get(id)
    if (!session) return
    await session.shutDown()
    await this.store.write(function* () {
      yield* rows.remove(id)
      if (cleanup) yield* cleanup()
    })
    // Only now: a removal that failed can be asked for again.
    this.#sessions.delete(id)
  }

  async #start(): Promise<void> {
    await this.#stopping
    const { data = DEFAULT_DATA, database, store, lookups } = this.#options
    if (!store) mkdirSync(data, { recursive: true, mode: 0o700 })
    const opened = store ?? (await (database === undefined ? openSqliteStore(data) : openPostgresStore(database)))
    this.#store = watched(opened, (error) => this.#storeFailed(error))
    let kept: rows.SessionRow[]
    try {
      this.#lookups = lookups ?? (store ? memoryLookups() : sqliteLookups(join(data, 'lookups.db')))
      kept = await this.#store.read(() => rows.all())
      this.#gate.rest(Date.now() - (await this.#store.read(() => rows.lastDialAt())))
    } catch (error) {
      // Else the folder would stay locked, by ourselves, until the process ends.
      if (!store) await this.#letGo()
      throw error
    }
    const resting = kept.map((row) => ({ row, session: this.#add(row) }))
    await this.#keepHouse()
    this.#housekeeping = setInterval(() => void this.#keepHouse(), DAY_MS)
    this.#housekeeping.unref()
    const { stalledAfterMs = DEFAULT_STALLED_AFTER_MS } = this.#options
    this.#expiry = setInterval(() => void this.#expire(), Math.min(EXPIRY_MS, stalledAfterMs))
    this.#expiry.unref()
    for (const { row, session } of resting) {
      if (row.wanted !== 'running' || row.ended !== null) continue
      session.resume().catch((error: unknown) => this.#report(error, 'resuming a session'))
    }
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => {}) // whoever started it was told
    clearInterval(this.#housekeeping)
    clearInterval(this.#expiry)
    // One that cannot write how far it came must keep neither the others nor the folder.
    for (const ended of await Promise.allSettled(this.sessions().map((session) => session.shutDown()))) {
      if (ended.status === 'rejected') this.#report(ended.reason, 'shutting down a session')
    }
    this.#sessions.clear()
    await this.#letGo()
    this.#starting = undefined
  }

  async #letGo(): Promise<void> {
    try {
      await this.#lookups?.disconnect()
    } finally {
      await this.#store?.close()
      this.#lookups = undefined
      this.#store = undefined
    }
  }

  #add(row: rows.SessionRow): Session {
    const options = this.#options
    const { store } = this
    if (!this.#lookups) throw new WamuxError('STOPPING', 'The manager is not started.')
    const session = new Session({
      row,
      store,
      lookups: new LookupsOfSession(this.#lookups, row.id),
      pacing: options.pacing ?? DEFAULT_PACING,
      limits: options.limits ?? {},
      typing: options.typing ?? false,
      sendWaitMs: options.sendWaitMs ?? DEFAULT_SEND_WAIT_MS,
      stalledAfterMs: options.stalledAfterMs ?? DEFAULT_STALLED_AFTER_MS,
      backoff: options.backoff ?? DEFAULT_BACKOFF,
      storeRetryMs: options.storeRetryMs ?? DEFAULT_STORE_RETRY_MS,
      certificates: options.certificates ?? 'enforce',
      logger: options.logger ?? consoleLogger,
      baileys: options.baileys ?? {},
      gate: this.#gate,
      tell: (envelope) => this.tell(envelope),
    })
    this.#sessions.set(row.id, session)
    return session
  }

  /** Where one session cannot write, no other can: none of them takes anything more from WhatsApp. */
  #storeFailed(error: unknown): void {
    if (!isOfWholeStore(error)) return
    for (const session of this.#sessions.values()) session.storeFailed(error)
  }

  async #expire(): Promise<void> {
    for (const session of this.sessions()) {
      await session.expire().catch((error: unknown) => this.#report(error, 'giving up messages whose time is over'))
    }
  }

  async #keepHouse(): Promise<void> {
    const now = Date.now()
    const keptSince = now - (this.#options.keepEventsMs ?? DEFAULT_KEEP_EVENTS_MS)
    // Whoever repeats a request within a day is answered from these rows.
    const keepSentMs = Math.max(this.#options.keepSentMs ?? DEFAULT_KEEP_SENT_MS, KEEP_IDEMPOTENCY_KEYS_MS)
    const ids = [...this.#sessions.keys()]
    try {
      await this.store.write(function* () {
        for (const id of ids) yield* journal.prune(id, keptSince)
        for (const id of ids) yield* stanzas.dropMost(id)
        yield* keys.dropOldArchives(now)
        yield* keys.dropOldPlaintexts(now)
        yield* stanzas.dropOld(now)
        yield* idempotency.dropOld(now - KEEP_IDEMPOTENCY_KEYS_MS)
        yield* outbox.dropOld(now - keepSentMs)
        yield* members.dropForgotten()
      })
    } catch (error) {
      this.#report(error, 'removing what is too old')
    }
  }

  #report(error: unknown, what: string): void {
    const logger = this.#options.logger ?? consoleLogger
    logger.error({ error }, what)
  }
}
