import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Client, type ClientSession, createClient } from '@wamux/client'
import { createEmulator, type Emulator, type EmulatorOptions, type Fault, type Phone } from '@wamux/emulator'
import Database from 'better-sqlite3'
import { newDatabase } from '../../harness/postgres.ts'
import { type Books, readBooks } from './books.ts'
import { buildVictim } from './build.ts'
import { type Life, Lives } from './lives.ts'
import { drawPlan, type Plan, type PlanOptions } from './plan.ts'
import type { Random } from './random.ts'
import { Receiver } from './receiver.ts'
import type { Run } from './suite.ts'

export const PHONE = '491700000001'
/** So long the last process may take to bring everything to its end; a broken one never will. */
const DRAIN_MS = 60_000
const BROKEN_DRAIN_MS = 30_000
/** A process that is not there by then never will be. */
const START_MS = 30_000
/** How long a server takes on a machine with nothing else to do: from listening to ready, and to a first QR. */
const READY_MS = 200
const QR_MS = 150

export interface TrialOptions {
  emulator?: EmulatorOptions
  /** Options of the server. */
  server?: object
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
  readonly #lives: Lives
  readonly #data: string
  readonly #database: string | undefined
  readonly #random: Random
  #life: Life | undefined
  #apiKey = ''
  #identity: string | undefined
  #token = ''
  #url = ''
  #complaints = 0
  #slowness = 1

  static async open(run: Run, options: TrialOptions = {}): Promise<Trial> {
    const emulator = await createEmulator({
      file: join(run.folder, 'network.db'),
      pretendPreKeys: 100,
      ...options.emulator,
    })
    run.defer(() => emulator.close())
    const database = await newDatabase(run.store === 'postgres')
    if (database) run.defer(() => database.drop())
    const file = await buildVictim(run)
    const trial = new Trial(run, emulator, file, database?.url, options.server ?? {})
    await trial.receiver.open()
    run.defer(() => trial.receiver.close())
    run.defer(() => trial.#lives.end())
    return trial
  }

  private constructor(run: Run, emulator: Emulator, file: string, database: string | undefined, server: object) {
    this.run = run
    this.emulator = emulator
    this.phone = emulator.phone(PHONE, { name: 'Erika' })
    this.#data = join(run.folder, 'wamux')
    this.#database = database
    this.#random = run.random.fork()
    emulator.events.on((event) => {
      if (event.type === 'heard' && event.phone !== PHONE) this.heard.add(event.id)
    })
    const isRetry = () => {
      this.retryRequests++
      return false // only looks
    }
    emulator.faults.on({ direction: 'to-client', tag: 'receipt', type: 'retry', matches: isRetry }).drop()
    this.#lives = new Lives({
      file,
      complain: (line) => this.#complain(line),
      env: {
        NETWORK: emulator.url,
        ROOT: emulator.rootPublicKey.toString('base64'),
        DATA: this.#data,
        SERVER: JSON.stringify(server),
        NODE_COMPILE_CACHE: join(run.folder, 'compiled'),
        ...(database !== undefined && { DATABASE: database }),
      },
    })
  }

  /** A session, through the server that lives now; the one that most suites have is `demo`. */
  session(id = 'demo'): ClientSession {
    return this.admin.session(id)
  }

  get admin(): Client {
    return createClient({ url: this.#url, token: this.#token, retries: 0 })
  }

  /** The same in every life. */
  get url(): string {
    return this.#url
  }

  /** Of `demo`. */
  get apiKey(): string {
    return this.#apiKey
  }

  /** The first life, in which there gets to be an administrator. Nobody ends it. */
  async setUp(): Promise<void> {
    const token = await this.start()
    const credentials = { username: 'admin', password: 'correct horse battery staple' }
    this.#token = (await createClient({ url: this.#url }).setup({ token: token ?? '', ...credentials })).token
  }

  /** Makes a session whose events the receiver is told. Resolves with its first QR. */
  async create(id = 'demo'): Promise<string> {
    this.#apiKey = (await this.admin.sessions.create({ id })).apiKey
    await this.session(id).setWebhook({ url: this.receiver.url })
    const begun = Date.now()
    let qr: string | null = null
    await this.must('show a QR', async () => {
      qr = (await this.session(id).qr()).qr
      return qr !== null
    })
    this.#slowness = slowness(this.run, Date.now() - begun, QR_MS)
    return qr ?? ''
  }

  /** The first life, with `demo` linked in it. */
  async link(): Promise<void> {
    await this.setUp()
    await this.phone.scans(await this.create())
    await this.must('become ready', async () => (await this.session().info()).state === 'ready')
    this.#identity = this.#identityOf(PHONE)
  }

  #identityOf(phone: string): string {
    const sql = 'SELECT device, hex(identity_key) AS key FROM devices WHERE phone = ?'
    return JSON.stringify(this.truth(sql, phone))
  }

  /** Begins a life that nobody ends; resolves when the server listens, with its set-up token if it has one. */
  async start(): Promise<string | undefined> {
    await this.end()
    const listening = await (await this.#begin({ ms: 0, from: 'start' })).listening
    if (!listening) throw new Error('The server did not start.')
    return listening.setupToken
  }

  /** Ends the life that there is, if any, by kill -9. */
  async end(): Promise<void> {
    await this.#life?.kill()
    this.#life = undefined
  }

  /** Ends the life that there is as an operator would. */
  async stop(): Promise<void> {
    await this.#life?.stop()
    this.#life = undefined
  }

  /**
   * One life, from its start to its kill. In some, a fifth by default, the line goes dead before it, in one direction or
   * both.
   */
  async killOnce(options: PlanOptions = {}): Promise<void> {
    await this.end()
    const random = this.#random
    const startMs = this.run.store === 'postgres' ? 800 : 250
    const plan = drawPlan(random, { startMs, ...options, at: this.run.at ?? options.at, slowness: this.#slowness })
    const isHole = random.chance(options.deadLines ?? 0.2)
    const after = random.below(plan.ms)
    const direction = random.pick(DIRECTIONS)
    const begun = Date.now()
    const dead = new Set<Fault>()
    const life = await this.#begin(plan)
    if (plan.from === 'listening') await life.listening
    const timers = [setTimeout(() => void life.kill(), plan.ms)]
    if (isHole) {
      const go = () => void dead.add(this.emulator.faults.blackhole({ phone: PHONE, ...LINES[direction] }))
      timers.push(setTimeout(go, after))
    }
    await this.#dies(life, timers)
    for (const fault of dead) fault.lift()
    if (dead.size > 0) this.run.report.count('dead_lines')
    this.run.report.count('lived_ms', Date.now() - begun)
  }

  /** Kills the process that lives now at some point of what it does from here on; resolves when it is dead. */
  async killFromHere(options: PlanOptions = {}): Promise<void> {
    const life = this.#life
    if (!life) throw new Error('There is nothing to kill.')
    const plan = drawPlan(this.#random, {
      startMs: 1,
      ...options,
      at: this.run.at ?? options.at,
      slowness: this.#slowness,
    })
    life.arm(plan)
    await this.#dies(life, [setTimeout(() => void life.kill(), plan.ms)])
  }

  async #dies(life: Life, timers: NodeJS.Timeout[]): Promise<void> {
    const where = await life.ended
    for (const timer of timers) clearTimeout(timer)
    this.#life = undefined
    this.run.report.died(where)
  }

  /** Kills as often as the run says, and tells how far it is. Options that are a function are asked for each kill. */
  async killAll(options: PlanOptions | (() => PlanOptions) = {}): Promise<void> {
    const { kills, log } = this.run
    await this.#measure()
    const begun = Date.now()
    for (let kill = 1; kill <= kills; kill++) {
      await this.killOnce(typeof options === 'function' ? options() : options)
      if (kill % 25 === 0) log(`${kill} kills, ${Math.round((Date.now() - begun) / kill)} ms each`)
    }
    if (kills > 0) this.run.report.count('ms_per_kill', Math.round((Date.now() - begun) / kills))
  }

  /** How slow this machine is now: on a busy one kills would all come before anything happens. */
  async #measure(): Promise<void> {
    await this.start()
    const begun = Date.now()
    await this.until(async () => (await this.session().info()).state === 'ready')
    this.#slowness = slowness(this.run, Date.now() - begun, READY_MS)
  }

  /** The last life, in which everything has to come to its end. What does not is `stuck`. */
  async drain(isDone: () => Promise<boolean>, what: () => string): Promise<void> {
    await this.start()
    const withinMs = this.run.broken === undefined ? DRAIN_MS : BROKEN_DRAIN_MS
    if (!(await this.until(isDone, withinMs))) this.run.report.broke('stuck', what())
  }

  /** The most memory that the process which lives now has had at once, in MiB; undefined where the system does not say. */
  peakMemory(): number | undefined {
    try {
      const status = readFileSync(`/proc/${this.#life?.pid}/status`, 'utf8')
      return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024
    } catch {
      return undefined // there is no such file elsewhere
    }
  }

  /** What is on disk. Ends the life that there is. */
  async books(): Promise<Books> {
    await this.stop()
    const identity = this.#identityOf(PHONE)
    if (this.#identity !== undefined && identity !== this.#identity) {
      this.run.report.broke('identity_changes', `WhatsApp knew ${this.#identity}, and knows ${identity}`)
    }
    return readBooks(this.#data, this.#database)
  }

  /** What is on disk at this moment. */
  peek(): Promise<Books> {
    return readBooks(this.#data, this.#database)
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

  /** The same, for what nothing can go on without. */
  async must(what: string, isSo: () => Promise<boolean>): Promise<void> {
    let why: unknown
    const asked = () =>
      isSo().catch((error: unknown) => {
        why = error
        return false
      })
    if (!(await this.until(asked))) throw new Error(`The server did not ${what}.`, { cause: why })
  }

  /** Asks until it is so; false when it is not in time. What rejects is asked again: the server may be away. */
  async until(isSo: () => Promise<boolean>, withinMs = START_MS): Promise<boolean> {
    const end = Date.now() + withinMs
    for (;;) {
      if (await isSo().catch(() => false)) return true
      if (Date.now() > end) return false
      // Not to wait for something, but so that the one who is asked gets to work.
      await new Promise((again) => setTimeout(again, 10))
    }
  }

  async #begin(plan: Plan): Promise<Life> {
    const life = await this.#lives.begin(plan)
    this.#life = life
    void life.listening.then((found) => {
      if (found) this.#url = found.url
    })
    return life
  }

  #complain(line: string): void {
    this.run.report.count('complaints')
    if (this.#complaints++ < 20) this.run.log(`the server: ${line.slice(0, 500)}`)
    if (line.includes('privKey')) this.run.report.broke('secrets', 'a private key was printed')
    if (line.startsWith('ended by itself')) this.run.report.broke('crashed', line.slice(0, 4_000))
  }
}

const DIRECTIONS = ['from', 'to', 'both'] as const
const LINES = { from: { direction: 'from-client' }, to: { direction: 'to-client' }, both: {} } as const

/** A single measurement on a busy machine may be far off, and a short form shall stay short. */
const slowness = ({ kills }: Run, ms: number, normal: number) => Math.min(kills > 3 ? 4 : 1.5, Math.max(1, ms / normal))
