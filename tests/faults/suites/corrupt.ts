import { isWamuxClientError } from '@wamux/client'
import type { Contact, Group } from '@wamux/emulator'
import { Files } from '../runner/files.ts'
import { type Key, KeyRows } from '../runner/key-rows.ts'
import type { Run, Suite } from '../runner/suite.ts'
import { Talk } from '../runner/talk.ts'
import { PHONE, Trial } from '../runner/trial.ts'
import { Answers } from './answers.ts'

const MAX = '491234567890'
const EVA = '491234567891'
const OTHER = '491700000002'
/** Soon enough for a test. */
const RETRY_MS = 400
/** At most so many bits are turned at once. */
const BITS = 64

/** What is damaged. Pages and the log can only be those of SQLite. */
const PLACES = ['creds', 'sessions', 'a key', 'pages', 'log'] as const
type Place = (typeof PLACES)[number]

/** C10: what is damaged ends an account, by name, and never makes it another one. */
export const corrupt: Suite = {
  name: 'corrupt',
  about: 'Bits are turned in credentials, keys, pages and the log, between two lives: so often as kills are asked for.',
  kills: 60,
  short: 3,
  fails: {
    'sums-ignored': { kills: 5 },
    'damaged-is-missing': { kills: 2 },
    'log-forgotten': { kills: 5 },
  },
  async run(run) {
    const scene = await Scene.open(run)
    for (let round = 0; round < run.kills && !scene.isHopeless; round++) await scene.goesThrough(scene.draw())
    await scene.ends()
  },
}

class Scene {
  readonly #trial: Trial
  readonly #demo: Talk
  readonly #other: Talk
  readonly #max: Contact
  readonly #eva: Contact
  readonly #group: Group
  readonly #answers: Answers
  readonly #keys: KeyRows
  #deck: Place[] = []
  #texts = 0

  static async open(run: Run): Promise<Scene> {
    const trial = await Trial.open(run, { server: { sendWaitMs: 50, storeRetryMs: RETRY_MS } })
    await trial.link()
    return new Scene(trial, await Talk.link(trial, 'other', OTHER))
  }

  private constructor(trial: Trial, other: Talk) {
    this.#trial = trial
    this.#demo = new Talk(trial)
    this.#other = other
    this.#max = trial.emulator.contact(MAX, { name: 'Max' })
    this.#eva = trial.emulator.contact(EVA, { name: 'Eva' })
    this.#group = trial.emulator.group({ subject: 'Familie', members: [PHONE, EVA] })
    this.#answers = new Answers(trial, [PHONE, OTHER])
    this.#keys = new KeyRows(trial, trial.run.random.fork())
  }

  get isHopeless(): boolean {
    return this.#demo.isHopeless
  }

  draw(): Place {
    const { store, random } = this.#trial.run
    const places = store === 'sqlite' ? PLACES : PLACES.slice(0, 3)
    if (this.#deck.length === 0) this.#deck = [...places].sort(() => random.next() - 0.5)
    return this.#deck.pop() as Place // it was filled
  }

  /** Everybody has written; the process is killed, something is damaged, the next one starts; then it is mended. */
  async goesThrough(place: Place): Promise<void> {
    const { report, log } = this.#trial.run
    const begun = Date.now()
    for (let n = 0; n < 3; n++) await this.#isWrittenTo()
    await this.#demo.isHeard(await this.#demo.says(MAX, `Antwort ${this.#texts++}`))
    await this.#settles()
    await this.#trial.end()
    if (place === 'pages' || place === 'log') await this.#damagesFiles(place)
    else await this.#damagesKeys(place)
    report.count(`rounds_${place.replaceAll(' ', '_')}`)
    log(`${place}: ${Date.now() - begun} ms`)
  }

  async ends(): Promise<void> {
    if (!this.isHopeless) await this.#settles()
    const books = await this.#trial.books()
    this.#demo.check(books, [this.#max])
    this.#other.check(books, [this.#eva])
  }

  /** Rows of `demo`, as they are in the database. */
  async #damagesKeys(place: 'creds' | 'sessions' | 'a key'): Promise<void> {
    const { report, random } = this.#trial.run
    const all = await this.#keys.of('demo')
    const chosen = {
      creds: all.filter(({ type }) => type === 'creds'),
      // All of them: whoever writes next needs one.
      sessions: all.filter(({ type }) => type === 'session'),
      'a key': [random.pick(all.filter(({ type }) => type !== 'creds'))],
    }[place]
    const damaged: Key[] = []
    // Half of the time what is left still looks like keys: that of the sessions always does.
    const isForged = place === 'sessions' || random.chance(0.5)
    for (const key of chosen)
      damaged.push(await (isForged ? this.#keys.falsify(key) : this.#keys.damage(key, 1 + random.below(BITS))))
    const logins = this.#answers.logins
    logins.clear()
    await this.#trial.start()
    await this.#isWrittenTo()
    await this.#other.isTold(this.#other.written.at(-1)?.id ?? '')
    const last = this.#demo.written.at(-2)?.id ?? '' // what Max wrote
    const ended = async () => {
      const { state, reason } = await this.#demo.session.info()
      return state === 'failed' && reason === 'CREDENTIALS_UNREADABLE'
    }
    const isTold = () => this.#demo.told.some(({ data }) => data.id === last)
    await this.#demo.eventually(`refuse, or not need ${place}`, async () => (await ended()) || isTold())
    const hasEnded = await ended()
    if (!hasEnded && place !== 'a key') report.broke('damage_unseen', `${place}: it works with what is damaged`)
    if (hasEnded) {
      report.count('refusals')
      const names = chosen.map(({ type, id }) => `${type}/${id}`)
      if (!this.#trial.complaints.some((line) => names.some((name) => line.includes(name))))
        report.broke('unnamed', `${place}: nobody says that it is one of ${names.slice(0, 3)}`)
    }
    if (place === 'creds' && logins.has(PHONE)) report.broke('identity_changes', 'it logged in without its credentials')
    await this.#wantsNobodyToScan()
    await this.#trial.end()
    await this.#keys.mend(damaged, chosen, hasEnded)
    await this.#trial.start()
    if (hasEnded) await this.#demo.session.start()
    await this.#demo.isBack()
  }

  /** Of `wamux.db`, or its log. Whatever comes of that is undone afterwards: it is not known what it means. */
  async #damagesFiles(place: 'pages' | 'log'): Promise<void> {
    const { report, random } = this.#trial.run
    const files = new Files(this.#trial.data, random)
    const events = (await this.#trial.peekAt(files.folder)).events.length
    files.damage(place, place === 'log' ? 1 : 1 + random.below(BITS))
    this.#trial.receiver.answer = () => 503 // what it says now may be nonsense
    const refusal = await this.#trial.tries()
    if (refusal === undefined) {
      for (const talk of [this.#demo, this.#other]) {
        const rests = async () => RESTING.has((await talk.session.info()).state)
        if (await this.#trial.until(rests, 10_000)) continue
        const state = await talk.session.info().catch((error: unknown) => ({ state: String(error) }))
        report.count(`left_${state.state}`)
      }
      await this.#wantsNobodyToScan()
      await this.#trial.end()
      const now = await this.#trial.peek().then(
        ({ events }) => events.length,
        () => undefined,
      )
      if (place === 'log' && (now ?? 0) < events)
        report.broke('lost', `of ${events} events ${now} are left after damage to the log, and nobody says so`)
    } else {
      report.count('refusals_of_all')
      if (!/damaged|STORE_FAILED|SQLITE_/.test(refusal)) report.broke('unnamed', `${place}: ${refusal.slice(0, 500)}`)
    }
    files.undo()
    this.#trial.receiver.answer = () => 'take'
    await this.#trial.start()
    await this.#demo.isBack()
    await this.#other.isBack()
  }

  /** A linked account that shows a QR has forgotten who it is. */
  async #wantsNobodyToScan(): Promise<void> {
    for (const { id, session } of [this.#demo, this.#other]) {
      const isLinking = await session.qr().then(
        () => true,
        (error: unknown) => isWamuxClientError(error) && error.code === 'LINKING_EXPIRED',
      )
      if (isLinking) this.#trial.run.report.broke('identity_changes', `${id} wants to be linked anew`)
    }
  }

  async #settles(): Promise<void> {
    await this.#demo.ends()
    await this.#other.ends()
    await this.#answers.settle([...this.#demo.written, ...this.#other.written])
  }

  async #isWrittenTo(): Promise<void> {
    const text = () => `Nachricht ${this.#texts++}`
    const inGroup = text()
    const { id } = await this.#eva.says(this.#group.id, inGroup)
    const line = this.#group.id
    this.#demo.written.push({ id, event: 'message', line, author: EVA, text: inGroup, kind: 'group' })
    await this.#demo.hears(this.#max, text())
    await this.#other.hears(this.#eva, text())
  }
}

const RESTING: ReadonlySet<string> = new Set(['ready', 'failed', 'stopped'])
