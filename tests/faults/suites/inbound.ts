import type { Contact, Group, Person } from '@wamux/emulator'
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
  #poll: string | undefined
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

  get told(): number {
    return this.written.length - this.#open.size
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

  async #says(who: Person, to: string, text: string): Promise<void> {
    const { id } = await who.says(to, text)
    this.#note(who, to, { id, event: 'message', text })
  }

  #note(who: Person, to: string, { id, event, text }: Pick<Written, 'id' | 'event' | 'text'>): void {
    const line = to === PHONE ? who.phone : to
    const kind = event !== 'message' ? event : to === this.#group.id ? 'group' : 'direct'
    this.written.push({ id, event, line, author: who.phone, text, kind })
    this.#open.add(id)
    this.#trial.run.report.count(`written_${kind}`)
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

  /** What is no message of its own, but happens between them. */
  async #doesSomething(dice: number, text: string): Promise<void> {
    const { phone, run } = this.#trial
    const [max, eva, group] = [this.#max, this.#eva, this.#group]
    const ofMax = this.written.findLast(({ author, kind, text }) => author === MAX && isText(kind) && text !== QUESTION)
    const inGroup = this.written.findLast(({ kind }) => kind === 'group')
    if (dice < 82 && ofMax) {
      const { id } = await max.edits(ofMax.id, { text })
      this.#note(max, toOf(ofMax), { id, event: 'message_edited', text })
    } else if (dice < 87 && inGroup) {
      const emoji = this.#random.pick(['👍', '❤️', ''])
      const { id } = await eva.reacts(inGroup.id, emoji)
      this.#note(eva, group.id, { id, event: 'message_reaction', text: emoji })
    } else if (dice < 90 && ofMax) {
      const { id } = await max.deletes(ofMax.id)
      this.#note(max, toOf(ofMax), { id, event: 'message_deleted', text: '' })
    } else if (dice < 93) {
      await this.#votes()
    } else if (dice < 96) {
      group.renames(`Familie ${text}`)
      run.report.count('group_notifications')
    } else {
      await phone.renewsStateKey()
      run.report.count('key_shares')
    }
  }

  async #votes(): Promise<void> {
    const [max, eva, group] = [this.#max, this.#eva, this.#group]
    if (!this.#poll) {
      const { id } = await max.sends(group.id, { poll: { question: QUESTION, options: DISHES } })
      this.#poll = id
      return this.#note(max, group.id, { id, event: 'message', text: QUESTION })
    }
    const dish = this.#random.pick(DISHES)
    const { id } = await eva.votes(this.#poll, [dish])
    this.#note(eva, group.id, { id, event: 'poll_vote', text: dish })
  }
}

const QUESTION = 'Was essen wir?'
const DISHES = ['Pizza', 'Suppe', 'Reis']

const isText = (kind: string) => kind === 'direct' || kind === 'group'

/** Where a message was written to. */
const toOf = ({ line, author }: Written) => (line === author ? PHONE : line)

/** C1: what WhatsApp was told had arrived is there, once, in order. */
export const inbound: Suite = {
  name: 'inbound',
  about:
    'Messages arrive, direct and in groups; people edit, react, delete and vote, change their ids, and share keys.',
  kills: 50,
  fails: {
    'journal-outside': { kills: 8, at: 'before events/message' },
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
    run.report.count('told_before_the_end', writer.told)
    writer.ends()
    await writing
    await trial.drain(
      async () => writer.waiting.length === 0,
      () => `not told: ${writer.waiting.join(', ')}`,
    )
    checkInbound(run.report, writer.written, trial.receiver, await trial.books())
  },
}
