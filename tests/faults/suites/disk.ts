import { randomUUID } from 'node:crypto'
import { isWamuxClientError } from '@wamux/client'
import type { Contact, Group } from '@wamux/emulator'
import type { Run, Suite } from '../runner/suite.ts'
import { Talk } from '../runner/talk.ts'
import { PHONE, Trial } from '../runner/trial.ts'
import { Answers } from './answers.ts'
import { type Trouble, troublesOf } from './disk-troubles.ts'

const MAX = '491234567890'
const EVA = '491234567891'
const OTHER = '491700000002'
const IDLE = '491700000003'
/** Soon enough for a test; and several times while there is trouble. */
const RETRY_MS = 400
/** So many times each one writes while nothing can be kept. */
const WRITTEN = 3

/** C9: a disk that takes nothing, or a database, costs a pause and nothing else. */
export const disk: Suite = {
  name: 'disk',
  about:
    'The disk is full, or broken, or may only be read, while messages come and go: so often as kills are asked for.',
  kills: 30,
  short: 3,
  fails: {
    'store-not-latched': { kills: 5 },
    'error-swallowed': { kills: 3 },
    'never-again': { kills: 1 },
    'only-who-noticed': { kills: 3 },
    'ack-before-commit': { kills: 4 },
  },
  async run(run) {
    const { report } = run
    const scene = await Scene.open(run, await troublesOf(run))
    for (let round = 0; round < run.kills && !scene.isHopeless; round++) await scene.goesThrough(scene.draw())
    report.count('logins', scene.logins)
    await scene.ends()
  },
}

/** Two accounts that are used, one that is not, and what they tell WhatsApp. */
class Scene {
  readonly #trial: Trial
  readonly #troubles: readonly Trouble[]
  readonly #demo: Talk
  readonly #other: Talk
  readonly #idle: Talk
  readonly #max: Contact
  readonly #eva: Contact
  readonly #group: Group
  readonly #answers: Answers
  #deck: Trouble[] = []
  #texts = 0
  logins = 0

  static async open(run: Run, troubles: readonly Trouble[]): Promise<Scene> {
    const trial = await Trial.open(run, { server: { sendWaitMs: 50, storeRetryMs: RETRY_MS } })
    await trial.link()
    const other = await Talk.link(trial, 'other', OTHER)
    const idle = await Talk.link(trial, 'idle', IDLE)
    const scene = new Scene(trial, troubles, other, idle)
    await scene.#says(scene.#demo, MAX)
    await scene.#says(other, EVA)
    return scene
  }

  private constructor(trial: Trial, troubles: readonly Trouble[], other: Talk, idle: Talk) {
    this.#trial = trial
    this.#troubles = troubles
    this.#demo = new Talk(trial)
    this.#other = other
    this.#idle = idle
    this.#max = trial.emulator.contact(MAX, { name: 'Max' })
    this.#eva = trial.emulator.contact(EVA, { name: 'Eva' })
    this.#group = trial.emulator.group({ subject: 'Familie', members: [PHONE, EVA] })
    this.#answers = new Answers(trial, [PHONE, OTHER, IDLE])
    trial.emulator.events.on(({ type }) => {
      if (type === 'connected') this.logins++
    })
  }

  get #patience(): number {
    return this.#trial.run.broken === undefined ? PATIENCE_MS : BROKEN_PATIENCE_MS
  }

  get isHopeless(): boolean {
    return this.#demo.isHopeless
  }

  draw(): Trouble {
    if (this.#deck.length === 0) this.#deck = [...this.#troubles].sort(() => this.#trial.run.random.next() - 0.5)
    return this.#deck.pop() as Trouble // it was filled
  }

  /** It begins, everybody writes, all that it meets close; it ends, and everything comes to its end by itself. */
  async goesThrough(trouble: Trouble): Promise<void> {
    const { report, random, log } = this.#trial.run
    const [demo, other, idle] = [this.#demo, this.#other, this.#idle]
    const met = { all: [demo, other, idle], 'who noticed': [demo, other], demo: [demo] }[trouble.meets]
    await this.#settles()
    this.#answers.begin()
    await trouble.begin(this.#trial)
    const begun = Date.now()
    const sending = [this.#says(demo, MAX), this.#says(other, EVA)]
    for (let n = 0; n < WRITTEN; n++) await this.#isWrittenTo()
    await this.#close(met, trouble)
    await this.#answers.check(trouble)
    if (trouble.meets !== 'all' && this.#answers.logins.has(IDLE))
      report.broke('others_closed', `${trouble.name} closed an account that had nothing to do with it`)
    report.most('trouble_ms', Date.now() - begun)
    // A server that is killed before there is room again must not have written anything by halves.
    const isKilled = this.#trial.run.kills > 3 && random.chance(0.3)
    if (isKilled) await this.#trial.end()
    // The next one begins while there is none, too.
    if (isKilled && trouble.outlivesProcesses && random.chance(0.5)) {
      await this.#trial.start()
      await this.#close(met, trouble)
      await this.#trial.end()
    }
    await trouble.end(this.#trial)
    this.#answers.end()
    if (isKilled) {
      await this.#trial.start()
      report.died('while there was trouble')
    }
    for (const talk of met) await talk.isBack()
    await Promise.all(sending)
    report.count(`rounds_${trouble.name}`)
    log(`${trouble.name}: ${Date.now() - begun} ms`)
  }

  /** Resolves when these have noticed, and the server says so to whoever asks for its health. */
  async #close(met: readonly Talk[], { name }: Trouble): Promise<void> {
    for (const talk of met) {
      await talk.eventually(`close because of ${name}`, async () => {
        const { state, reason } = await talk.session.info()
        if (state === 'failed' && reason === 'STORE_FAILED') return true
        // SQLite may have had some room left in its own files.
        if (state === 'ready' && talk !== this.#idle) await this.#isWrittenTo()
        return false
      })
    }
    const isTold = async () => (await this.#trial.admin.health()).sessions?.failed === met.length
    if (!(await this.#trial.until(isTold)))
      this.#trial.run.report.broke('health', `it does not tell that ${met.length} have failed of ${name}`)
  }

  async ends(): Promise<void> {
    if (!this.isHopeless) await this.#settles()
    const books = await this.#trial.books()
    this.#demo.check(books, [this.#max])
    this.#other.check(books, [this.#eva])
  }

  async #settles(): Promise<void> {
    await this.#demo.ends()
    await this.#other.ends()
    await this.#answers.settle([...this.#demo.written, ...this.#other.written])
  }

  async #isWrittenTo(): Promise<void> {
    const text = () => `Nachricht ${this.#texts++}`
    await this.#demo.hears(this.#max, text())
    await this.#other.hears(this.#eva, text())
    const inGroup = text()
    const { id } = await this.#eva.says(this.#group.id, inGroup)
    const line = this.#group.id
    this.#demo.written.push({ id, event: 'message', line, author: EVA, text: inGroup, kind: 'group' })
    this.#group.renames(`Familie ${this.#texts}`)
  }

  /** The same request, until it is answered: what was not written was not accepted. */
  async #says(talk: Talk, chat: string): Promise<void> {
    const text = `Antwort ${this.#texts++}`
    const idempotencyKey = randomUUID()
    await this.#trial.until(async () => {
      try {
        const { messageId: id } = await talk.session.send(chat, text, { idempotencyKey })
        talk.accepted.push({ id, line: chat, chat, text })
        return true
      } catch (error) {
        if (!isWamuxClientError(error) || !PASSING.has(error.code)) throw error
        return false
      }
    }, this.#patience)
  }
}

const PATIENCE_MS = 60_000
const BROKEN_PATIENCE_MS = 8_000
const PASSING = new Set(['STORE_FAILED', 'WHATSAPP_DISCONNECTED', 'UNREACHABLE', 'IDEMPOTENCY_IN_PROGRESS', 'STOPPING'])
