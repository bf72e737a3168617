import { randomUUID } from 'node:crypto'
import { createClient, isWamuxClientError } from '@wamux/client'
import type { Contact, Group } from '@wamux/emulator'
import { Cluster } from '../runner/cluster.ts'
import { type Random, shuffled } from '../runner/random.ts'
import type { Run, Suite } from '../runner/suite.ts'
import { Talk } from '../runner/talk.ts'
import { PHONE, Trial } from '../runner/trial.ts'
import { Answers } from './answers.ts'
import { type Interference, interferences, OUTGOING } from './postgres-troubles.ts'

const MAX = '491234567890'
const EVA = '491234567891'
const GIA = '491234567892'
const OTHER = '491700000002'
const RETRY_MS = 400
/** How long something lasts that nobody has to notice. */
const LASTS_MS = 500
/** Between two messages of one contact. */
const PAUSE_MS = 100
/** So long they have to come back before they should: long enough to be noticed, and shorter than PostgreSQL waits. */
const OUTSTAYED_MS = 2_500
const CLOSES_MS = 500
/** What is written and read while PostgreSQL is away is no reason to grow by more. */
const MEMORY_MIB = 200
/** `/health` asks nobody who may be away. */
const HEALTH_MS = 5_000

/** K6: PostgreSQL that is away, late, or falls silent costs a pause and nothing else. */
export const postgres: Suite = {
  name: 'postgres',
  about:
    'PostgreSQL is restarted, ends connections, and the network to it is slow, silent or cut, also in the middle of a commit.',
  kills: 60,
  short: 2,
  store: 'postgres',
  fails: {
    'unknown-is-done': { kills: 8, at: 'commit-lost' },
    'unknown-is-repeated': { kills: 12, at: 'commit-unanswered' },
    'late-is-never': { kills: 12, at: 'commit-late' },
    'swallowed-on-postgres': { kills: 8, at: 'commit-lost' },
  },
  async run(run) {
    const { report } = run
    const scene = await Scene.open(run)
    for (let round = 0; round < run.kills && !scene.isHopeless; round++) await scene.goesThrough()
    await scene.ends()
    report.count('repeated_requests', scene.repeated)
  },
}

/** Two accounts that hear and write all the time, a group, and a PostgreSQL of their own. */
class Scene {
  readonly #trial: Trial
  readonly #demo: Talk
  readonly #other: Talk
  readonly #max: Contact
  readonly #eva: Contact
  readonly #gia: Contact
  readonly #group: Group
  readonly #random: Random
  readonly #answers: Answers
  readonly #interferences: readonly Interference[]
  readonly #memory: number | undefined
  readonly #online = new Set([PHONE, OTHER])
  #deck: Interference[] = []
  /** Resolves when what goes on is over. */
  #calm = Promise.resolve()
  #texts = 0
  repeated = 0

  static async open(run: Run): Promise<Scene> {
    const cluster = await Cluster.start(run)
    const server = { sendWaitMs: 50, storeRetryMs: RETRY_MS }
    const trial = await Trial.open(run, { server, database: cluster.wired, past: cluster.url, isOnly: true })
    await trial.link()
    const scene = new Scene(trial, cluster, await Talk.link(trial, 'other', OTHER))
    await scene.#settles()
    return scene
  }

  private constructor(trial: Trial, cluster: Cluster, other: Talk) {
    const { emulator, run } = trial
    this.#trial = trial
    this.#demo = new Talk(trial)
    this.#other = other
    this.#max = emulator.contact(MAX, { name: 'Max' })
    this.#eva = emulator.contact(EVA, { name: 'Eva' })
    this.#gia = emulator.contact(GIA, { name: 'Gia' })
    this.#group = emulator.group({ subject: 'Familie', members: [PHONE, GIA] })
    this.#demo.members.set(this.#group.id, [GIA])
    this.#random = run.random.fork()
    this.#answers = new Answers(trial, [PHONE, OTHER])
    const { at = '' } = run
    this.#interferences = interferences(cluster, this.#random).filter(({ name }) => name.includes(at))
    this.#memory = trial.peakMemory()
    emulator.events.on((event) => {
      if (event.type === 'connected') this.#online.add(event.phone)
      if (event.type === 'disconnected') this.#online.delete(event.phone)
    })
  }

  get isHopeless(): boolean {
    return this.#demo.isHopeless
  }

  /** Everybody writes; it begins, lasts, and ends; everything comes to its end by itself. */
  async goesThrough(): Promise<void> {
    const { log, report } = this.#trial.run
    if (this.#deck.length === 0) this.#deck = shuffled(this.#random, this.#interferences)
    const interference = this.#deck.pop()
    if (!interference) throw new Error('There is nothing to go through.')
    const { name, isAway, isOutstayed } = interference
    const over = new AbortController()
    const calm = Promise.withResolvers<void>()
    this.#calm = calm.promise
    const begun = Date.now()
    const talking = this.#talk(over.signal)
    talking.catch(() => {}) // it is awaited below
    await pause(this.#random.below(LASTS_MS))
    await interference.begin()
    this.#answers.begin()
    if (isAway && this.#random.chance(0.7)) await this.#isNoticed(name)
    else if (isOutstayed) await this.#isOutstayed()
    else await pause(this.#random.below(LASTS_MS))
    if (!(await this.#answersForItself())) report.broke('health', `it says nothing while there is ${name}`)
    if (isAway) await this.#answers.check({ name, isTotal: true })
    this.#answers.end()
    await interference.end()
    calm.resolve()
    for (const talk of [this.#demo, this.#other]) await talk.isBack()
    const backMs = Date.now() - begun
    over.abort()
    await talking
    await this.#settles()
    report.count(`rounds_${name}`)
    report.died(name)
    report.most('round_ms', Date.now() - begun)
    log(`${name}: ${backMs} ms until all were back, ${Date.now() - begun} ms in all`)
  }

  async ends(): Promise<void> {
    const { report } = this.#trial.run
    const { unhandledRejections } = await this.#trial.admin.health()
    if (unhandledRejections !== 0) report.broke('unhandled', `${unhandledRejections} promises`)
    const memory = this.#trial.peakMemory()
    if (memory !== undefined && this.#memory !== undefined) {
      report.most('memory_grew_mib', memory - this.#memory)
      if (memory - this.#memory > MEMORY_MIB) report.broke('memory', `${Math.round(memory - this.#memory)} MiB more`)
    }
    const books = await this.#trial.books()
    this.#demo.check(books, [this.#max, this.#gia])
    this.#other.check(books, [this.#eva])
    const { retryRequests } = this.#trial
    if (retryRequests > 0) report.broke('undecryptable', `${retryRequests} copies were asked for again`)
  }

  /** Until it is over, in both directions. */
  async #talk(over: AbortSignal): Promise<void> {
    const [demo, other, group] = [this.#demo, this.#other, this.#group.id]
    const each = async (act: () => Promise<void>) => {
      while (!over.aborted) {
        await act()
        await pause(PAUSE_MS + this.#random.below(PAUSE_MS))
      }
    }
    await Promise.all([
      each(async () => void (await demo.hears(this.#max, this.#text()))),
      each(async () => void (await other.hears(this.#eva, this.#text()))),
      each(async () => {
        const text = this.#text()
        const { id } = await this.#gia.says(group, text)
        demo.written.push({ id, event: 'message', line: group, author: GIA, text, kind: 'group' })
      }),
      each(() => this.#says(demo, MAX)),
      each(() => this.#says(demo, group)),
      each(() => this.#says(other, EVA)),
    ])
  }

  /** Whoever uses the store has closed, and whoever asks for the health is told so. */
  async #isNoticed(name: string): Promise<void> {
    const { report } = this.#trial.run
    if (!(await this.#trial.until(async () => this.#online.size === 0)))
      report.broke('stuck', `${[...this.#online]} did not close because of ${name}`)
    // Nobody can say who asks, or how many wait, without a database: that there is none is the answer.
    const told = await this.#trial.admin.health().then(
      ({ sessions }) => (sessions?.failed === 2 ? undefined : JSON.stringify(sessions)),
      (error: unknown) => (isWamuxClientError(error, 'STORE_FAILED') ? undefined : String(error)),
    )
    if (told !== undefined) report.broke('health', `it does not tell of ${name}: ${told}`)
  }

  /** Whoever closed is back, with all that it keeps in memory; or should not be, and is not. */
  async #isOutstayed(): Promise<void> {
    // Webhooks have commits too, which close nobody.
    await this.#trial.until(async () => this.#online.size < 2, CLOSES_MS)
    const isReady = async (talk: Talk) => (await talk.session.info()).state === 'ready'
    const areReady = async () => (await Promise.all([this.#demo, this.#other].map(isReady))).every(Boolean)
    await this.#trial.until(areReady, OUTSTAYED_MS)
  }

  async #answersForItself(): Promise<boolean> {
    const client = createClient({ url: this.#trial.url, retries: 0, timeoutMs: HEALTH_MS })
    return client.health().then(
      ({ status }) => status === 'ok',
      () => false,
    )
  }

  async #settles(): Promise<void> {
    for (const talk of [this.#demo, this.#other]) await talk.ends()
    await this.#answers.settle([...this.#demo.written, ...this.#other.written])
  }

  /** The same request, until it is answered: what was not written was not accepted. */
  async #says(talk: Talk, chat: string): Promise<void> {
    const text = this.#text(OUTGOING)
    const idempotencyKey = randomUUID()
    await this.#trial.must('take a message', async () => {
      try {
        const { messageId: id } = await talk.session.send(chat, text, { idempotencyKey })
        talk.accepted.push({ id, line: chat, chat, text })
        return true
      } catch (error) {
        if (!isWamuxClientError(error) || !PASSING.has(error.code)) throw error
        this.repeated++
        // Some ask again at once, some only when it is over.
        if (this.#random.chance(0.6)) await this.#calm
        return false
      }
    })
  }

  #text(what = 'Nachricht'): string {
    return `${what} ${this.#texts++}`
  }
}

/** Not to wait for something, but because people do not write all at once. */
const pause = (ms: number) => new Promise<void>((over) => setTimeout(over, ms))

const PASSING = new Set(['STORE_FAILED', 'WHATSAPP_DISCONNECTED', 'UNREACHABLE', 'IDEMPOTENCY_IN_PROGRESS', 'STOPPING'])
