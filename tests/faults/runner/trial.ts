import { join } from 'node:path'
import { type Client, type ClientSession, createClient } from '@wamux/client'
import { createEmulator, type Emulator, type EmulatorOptions, type Phone } from '@wamux/emulator'
import Database from 'better-sqlite3'
import { newDatabase } from '../../harness/postgres.ts'
import { type Books, readBooks } from './books.ts'
import { buildVictim, type VictimBuild } from './build.ts'
import { Killer, USUAL_MS } from './killer.ts'
import type { PlanOptions } from './plan.ts'
import { Receiver } from './receiver.ts'
import { VictimServer } from './server.ts'
import type { Sickness } from './sick-store.ts'
import type { Run } from './suite.ts'
import { must, until } from './waiting.ts'

export const PHONE = '491700000001'
/** So long the last process may take to bring everything to its end; a broken one never will. */
const DRAIN_MS = 60_000
const BROKEN_DRAIN_MS = 30_000
const MOST_DRAINS = 15

export interface TrialOptions {
  emulator?: EmulatorOptions
  /** Options of the server. */
  server?: object
  /** Nobody is going to kill the server: no second one stands by. */
  isOnly?: true
  /** A PostgreSQL database of the suite's own. Default: one that is made for it, if the run is on PostgreSQL. */
  database?: string
  /** Another way to the same database, for what is read past the server. Default: the same. */
  past?: string
}

/**
 * A network, a receiver of webhooks and a server that is killed: what the suites stand on. The network is in this
 * process, so that the truth is at hand and outlives every kill.
 */
export class Trial {
  readonly run: Run
  readonly emulator: Emulator
  readonly receiver = new Receiver()
  readonly phone: Phone
  /** Ids of messages that are on the phone of somebody else. */
  readonly heard = new Set<string>()
  /** How often somebody could not read what the account has sent. */
  retryRequests = 0
  readonly until = until
  readonly must = must
  /** The folder of the server. */
  readonly data: string
  readonly #server: VictimServer
  readonly #killer: Killer
  /** The PostgreSQL of the server, if that is where it keeps everything. */
  readonly database: string | undefined
  readonly #past: string | undefined
  #apiKey = ''
  #identity: string | undefined
  #token = ''

  static async open(run: Run, options: TrialOptions = {}): Promise<Trial> {
    const emulator = await createEmulator({
      file: join(run.folder, 'network.db'),
      pretendPreKeys: 100,
      ...options.emulator,
    })
    run.defer(() => emulator.close())
    const made = options.database === undefined ? await newDatabase(run.store === 'postgres') : undefined
    if (made) run.defer(() => made.drop())
    const build = await buildVictim(run)
    const trial = new Trial(run, emulator, build, options.database ?? made?.url, options)
    await trial.receiver.open()
    run.defer(() => trial.receiver.close())
    return trial
  }

  private constructor(
    run: Run,
    emulator: Emulator,
    build: VictimBuild,
    database: string | undefined,
    options: TrialOptions,
  ) {
    this.run = run
    this.emulator = emulator
    this.phone = emulator.phone(PHONE, { name: 'Erika' })
    this.data = join(run.folder, 'wamux')
    this.database = database
    this.#past = options.past ?? database
    emulator.events.on((event) => {
      if (event.type === 'heard' && event.phone !== PHONE) this.heard.add(event.id)
    })
    const isRetry = () => {
      this.retryRequests++
      return false // only looks
    }
    emulator.faults.on({ direction: 'to-client', tag: 'receipt', type: 'retry', matches: isRetry }).drop()
    this.#server = new VictimServer(run, {
      file: build.file,
      ...(options.isOnly && { isOnly: true }),
      env: {
        NETWORK: emulator.url,
        ROOT: emulator.rootPublicKey.toString('base64'),
        DATA: this.data,
        SERVER: JSON.stringify(options.server ?? {}),
        NODE_COMPILE_CACHE: build.compiled,
        ...(database !== undefined && { DATABASE: database }),
      },
    })
    this.#killer = new Killer({ run, server: this.#server, emulator, phone: PHONE })
  }

  /** A session, through the server that lives now; the one that most suites have is `demo`. */
  session(id = 'demo'): ClientSession {
    return this.admin.session(id)
  }

  get admin(): Client {
    return createClient({ url: this.url, token: this.#token, retries: 0 })
  }

  /** The same in every life. */
  get url(): string {
    return this.#server.url
  }

  /** Of `demo`. */
  get apiKey(): string {
    return this.#apiKey
  }

  /** The first life, in which there gets to be an administrator. Nobody ends it. */
  async setUp(): Promise<void> {
    const token = await this.start()
    const credentials = { username: 'admin', password: 'correct horse battery staple' }
    this.#token = (await createClient({ url: this.url }).setup({ token: token ?? '', ...credentials })).token
  }

  /** Makes a session whose events the receiver is told. Resolves with its first QR. */
  async create(id = 'demo'): Promise<string> {
    this.#apiKey = (await this.admin.sessions.create({ id })).apiKey
    await this.session(id).setWebhook({ url: this.receiver.url })
    const begun = Date.now()
    let qr: string | null = null
    await must('show a QR', async () => {
      qr = (await this.session(id).qr()).qr
      return qr !== null
    })
    this.#killer.measured(Date.now() - begun, USUAL_MS.qr)
    return qr ?? ''
  }

  /** The first life, with `demo` linked in it. */
  async link(): Promise<void> {
    await this.setUp()
    await this.phone.scans(await this.create())
    await must('become ready', () => this.#isReady())
    this.#identity = this.#identityOf(PHONE)
  }

  /** Begins a life that nobody ends; resolves when the server listens, with its set-up token if it has one. */
  start(): Promise<string | undefined> {
    return this.#server.start()
  }

  /** Ends the life that there is, if any, by kill -9. */
  end(): Promise<void> {
    return this.#server.end()
  }

  /** Ends the life that there is as an operator would. */
  stop(): Promise<void> {
    return this.#server.stop()
  }

  /** See {@link Killer}. */
  killOnce(options: PlanOptions = {}): Promise<void> {
    return this.#killer.once(options)
  }

  /** See {@link Killer}. */
  killFromHere(options: PlanOptions = {}): Promise<void> {
    return this.#killer.fromHere(options)
  }

  /** See {@link Killer}. */
  untilDone(work: (kill: number) => Promise<void>): Promise<void> {
    return this.#killer.untilDone(work)
  }

  /** Kills as often as the run says: see {@link Killer}. */
  async killAll(options: PlanOptions | (() => PlanOptions) = {}): Promise<void> {
    await this.start()
    const begun = Date.now()
    await until(() => this.#isReady())
    this.#killer.measured(Date.now() - begun, USUAL_MS.ready)
    await this.#killer.all(options)
  }

  /**
   * The last life, in which everything has to come to its end; `what` says what has not yet. When it has said the same
   * for too long, that is `stuck`: how long it all takes is up to the machine.
   */
  async drain(isDone: () => Promise<boolean>, what: () => string): Promise<void> {
    await this.start()
    const withinMs = this.run.broken === undefined ? DRAIN_MS : BROKEN_DRAIN_MS
    const last = Date.now() + MOST_DRAINS * withinMs
    for (let before = ''; before !== what() && Date.now() < last; ) {
      before = what()
      if (await until(isDone, withinMs)) return
    }
    this.run.report.broke('stuck', what())
  }

  /** The same as {@link start}, for a process that may refuse: resolves with its last words when it has. */
  tries(): Promise<string | undefined> {
    return this.#server.tries()
  }

  /** What the processes have logged as errors. */
  get complaints(): readonly string[] {
    return this.#server.complaints
  }

  /** What ails the store of the process that lives now, from here on. */
  sicken(store: Sickness | null): void {
    this.#server.life?.sicken(store)
  }

  /** Of the process that lives now. */
  get pid(): number | undefined {
    return this.#server.life?.pid
  }

  /** See {@link VictimServer}. */
  peakMemory(): number | undefined {
    return this.#server.peakMemory()
  }

  /** What is on disk. Ends the life that there is. */
  async books(): Promise<Books> {
    await this.stop()
    const identity = this.#identityOf(PHONE)
    if (this.#identity !== undefined && identity !== this.#identity) {
      this.run.report.broke('identity_changes', `WhatsApp knew ${this.#identity}, and knows ${identity}`)
    }
    return this.peek()
  }

  /** What is on disk at this moment. */
  peek(): Promise<Books> {
    return readBooks(this.data, this.#past)
  }

  /** The same of another folder. */
  peekAt(folder: string): Promise<Books> {
    return readBooks(folder, undefined)
  }

  /** The network's file, past its API. */
  truth<Row>(sql: string, ...values: unknown[]): Row[] {
    const db = new Database(join(this.run.folder, 'network.db'), { readonly: true })
    try {
      // The caller names the columns.
      return db.prepare(sql).all(...values) as Row[]
    } finally {
      db.close()
    }
  }

  async #isReady(): Promise<boolean> {
    return (await this.session().info()).state === 'ready'
  }

  #identityOf(phone: string): string {
    const sql = 'SELECT device, hex(identity_key) AS key FROM devices WHERE phone = ?'
    return JSON.stringify(this.truth(sql, phone))
  }
}
