import type { Contact, Group } from '@wamux/emulator'
import { checkInbound, type Written } from '../runner/oracle.ts'
import type { Random } from '../runner/random.ts'
import type { Suite } from '../runner/suite.ts'
import { PHONE, Trial } from '../runner/trial.ts'

const MAX = '491234567890'
const EVA = '491234567891'
/** How far the writer may be ahead of the receiver: enough that each kill falls into the middle of what arrives. */
const AHEAD = 12

/** Somebody who writes under their number first and under their hidden id later. */
interface Newcomer {
  contact: Contact
  left: number
}

/** Writes without end, whatever comes to mind, and knows what it has written. */
class Writer {
  readonly written: Written[] = []
  /** What was written and not told yet. */
  readonly #open = new Set<string>()
  readonly #trial: Trial
  readonly #random: Random
  readonly #group: Group
  readonly #max: Contact
  readonly #eva: Contact
  #newcomers: Newcomer[] = []
  #people = 0
  #isOver = false
  #more = Promise.withResolvers<void>()

  constructor(trial: Trial) {
    const { emulator, run } = trial
    this.#trial = trial
    this.#random = run.random.fork()
    this.#max = emulator.contact(MAX, { name: 'Max Mustermann' })
    this.#eva = emulator.contact(EVA, { name: 'Eva' })
    this.#group = emulator.group({ subject: 'Familie', members: [PHONE, MAX, EVA] })
    trial.receiver.on('told', ({ data }) => {
      if (data.id !== undefined && this.#open.delete(data.id)) this.#more.resolve()
    })
  }

  /** Resolves when it was told to end. */
  async writes(): Promise<void> {
    while (!this.#isOver) {
      if (this.#open.size >= AHEAD) {
        this.#more = Promise.withResolvers()
        await this.#more.promise
        continue
      }
      await this.#writeOne()
    }
  }

  ends(): void {
    this.#isOver = true
    this.#more.resolve()
  }

  get waiting(): string[] {
    return [...this.#open]
  }

  async #writeOne(): Promise<void> {
    const random = this.#random
    const text = `${this.written.length} ${random.below(1e6)}`
    const dice = random.below(100)
    if (dice < 40) await this.#says(random.pick([this.#max, this.#eva]), PHONE, text)
    else if (dice < 55) await this.#says(random.pick([this.#max, this.#eva]), this.#group.id, text)
    else if (dice < 62) await this.#says(this.#trial.phone, random.pick([MAX, EVA]), text)
    else if (dice < 78) await this.#newcomerSays(text)
    else await this.#doesSomething(dice, text)
  }

  async #says(who: Contact | Trial['phone'], to: string, text: string): Promise<void> {
    const other = to === PHONE ? who.phone : to
    const { id } = await who.says(to, text)
    this.#note({ id, line: other, author: who.phone, text, kind: to === this.#group.id ? 'group' : 'direct' })
  }

  #note(written: Written): void {
    this.written.push(written)
    this.#open.add(written.id)
    this.#trial.run.report.count(`written_${written.kind}`)
  }

  async #newcomerSays(text: string): Promise<void> {
    if (this.#newcomers.length === 0 || this.#random.chance(0.2)) {
      const number = `4915${String(this.#people++).padStart(8, '0')}`
      const contact = this.#trial.emulator.contact(number, { name: `Neu ${number}`, lidMigrated: false })
      this.#newcomers.push({ contact, left: 4 })
    }
    const newcomer = this.#random.pick(this.#newcomers)
    if (newcomer.left === 2) {
      await newcomer.contact.migrates()
      this.#trial.run.report.count('migrations')
    }
    newcomer.left--
    if (newcomer.left === 0) this.#newcomers = this.#newcomers.filter((one) => one !== newcomer)
    await this.#says(newcomer.contact, PHONE, text)
  }

  /** What is no message of its own: it must neither become one nor be in the way of those around it. */
  async #doesSomething(dice: number, text: string): Promise<void> {
    const { phone, run } = this.#trial
    const target = this.written.findLast(({ author }) => author === MAX)
    const inGroup = this.written.findLast(({ kind }) => kind === 'group')
    if (dice < 84 && target) {
      await this.#max.edits(target.id, { text: `${text} geändert` })
      run.report.count('edits')
    } else if (dice < 90 && inGroup) {
      await this.#eva.reacts(inGroup.id, '👍')
      run.report.count('reactions')
    } else if (dice < 94) {
      this.#group.renames(`Familie ${text}`)
      run.report.count('group_notifications')
    } else if (dice < 96) {
      await phone.renewsStateKey()
      run.report.count('key_shares')
    } else await this.#says(this.#max, PHONE, text)
  }
}

/** C1: what WhatsApp was told had arrived is there, once, in order. */
export const inbound: Suite = {
  name: 'inbound',
  about: 'Messages arrive, direct and in groups, with edits, reactions, key shares and notifications between them.',
  kills: 50,
  fails: {
    'journal-outside': { kills: 20, at: 'keys/' },
    'ack-before-commit': { kills: 10 },
    'mapping-alone': { kills: 10 },
  },
  async run(run) {
    const trial = await Trial.open(run, { emulator: { pretendPreKeys: 0 } })
    await trial.link()
    const writer = new Writer(trial)
    const writing = writer.writes()
    writing.catch(() => {}) // it is awaited below
    await trial.killAll()
    run.report.count('told_before_the_end', trial.receiver.told.filter(({ event }) => event === 'message').length)
    writer.ends()
    await writing
    await trial.drain(
      async () => writer.waiting.length === 0,
      () => `not told: ${writer.waiting.join(', ')}`,
    )
    checkInbound(run.report, writer.written, trial.receiver, await trial.books())
  },
}
