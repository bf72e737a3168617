import type { Contact, Group, Person } from '@wamux/emulator'
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Written } from '../runner/oracle.ts'
import type { Random } from '../runner/random.ts'
import { PHONE, type Trial } from '../runner/trial.ts'

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
export class InboundWriter {
  readonly written: Written[] = []
  /** What the phone remembered later. */
  readonly past: { id: string; text: string }[] = []
  /** Messages that cannot be read when they come for the first time. */
  readonly spoiled = new Set<string>()
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
    trial.receiver.on('told', ({ event, data }) => {
      if (event === 'message_undecryptable') return
      if (data.id !== undefined && this.#open.delete(data.id)) this.#more.resolve()
    })
  }

  /** Resolves when it was told to end. */
  async writes(): Promise<void> {
    const { rate } = this.#trial.run
    const begun = performance.now()
    for (let count = 0; !this.#isOver; ) {
      if (rate === undefined && this.#open.size >= AHEAD) {
        this.#more = Promise.withResolvers()
        await this.#more.promise
        continue
      }
      if (rate !== undefined) await this.#isDue(begun + (count * 1_000) / rate)
      await this.#writeOne()
      count++
    }
  }

  /** What is late is not waited for. */
  async #isDue(at: number): Promise<void> {
    const ms = at - performance.now()
    if (ms > 0) await new Promise((due) => setTimeout(due, ms))
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
    if (dice < 38) await this.#says(random.pick([this.#max, this.#eva]), PHONE, text)
    else if (dice < 52) await this.#says(random.pick([this.#max, this.#eva]), this.#group.id, text)
    else if (dice < 58) await this.#says(this.#trial.phone, random.pick([MAX, EVA]), text)
    else if (dice < 73) await this.#newcomerSays(text)
    else if (dice < 88) await this.#doesSomething(dice, text)
    else await this.#causesWork(dice, text)
  }

  async #says(who: Person, to: string, text: string): Promise<void> {
    const { id } = await who.says(to, text, this.#maySpoil(who, to))
    this.#note(who, to, { id, event: 'message', text })
  }

  /**
   * One in twenty direct messages of others comes with a ciphertext that nobody can open, and is asked for again. It is the same
   * one when WhatsApp delivers it again after a kill; what its author sends anew can be read. Not in groups: such a message
   * may bring the key of those behind it.
   */
  #maySpoil(who: Person, to: string): { id?: string } {
    if (who === this.#trial.phone || to !== PHONE || !this.#random.chance(0.05)) return {}
    const id = `3EB0${this.#random.hex(18)}`
    this.spoiled.add(id)
    let first: Buffer | undefined
    const matches = (node: BinaryNode) => {
      const bytes = Buffer.concat(encrypted(node))
      first ??= bytes
      return first.equals(bytes)
    }
    // Baileys asks five times at most, in however many lives.
    this.#trial.emulator.faults.on({ phone: PHONE, direction: 'to-client', tag: 'message', id, matches }).corrupt(3)
    return { id }
  }

  #note(who: Person, to: string, { id, event, text }: Pick<Written, 'id' | 'event' | 'text'>): void {
    // What has to be asked for again is overtaken.
    const line = this.spoiled.has(id) ? id : to === PHONE ? who.phone : to
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
    const [max, eva, group] = [this.#max, this.#eva, this.#group]
    const ofMax = this.written.findLast(({ author, kind, text }) => author === MAX && isText(kind) && text !== QUESTION)
    const inGroup = this.written.findLast(({ kind }) => kind === 'group')
    if (dice < 77 && ofMax) {
      const { id } = await max.edits(ofMax.id, { text })
      this.#note(max, toOf(ofMax), { id, event: 'message_edited', text })
    } else if (dice < 82 && inGroup) {
      const emoji = this.#random.pick(['👍', '❤️', ''])
      const { id } = await eva.reacts(inGroup.id, emoji)
      this.#note(eva, group.id, { id, event: 'message_reaction', text: emoji })
    } else if (dice < 85 && ofMax) {
      const { id } = await max.deletes(ofMax.id)
      this.#note(max, toOf(ofMax), { id, event: 'message_deleted', text: '' })
    } else {
      await this.#votes()
    }
  }

  /** What nobody is told of, and Baileys has to do something with after WhatsApp was told that it arrived. */
  async #causesWork(dice: number, text: string): Promise<void> {
    const { phone, run } = this.#trial
    if (dice < 91) {
      this.#group.renames(`Familie ${text}`)
      run.report.count('group_notifications')
    } else if (dice < 94) {
      await phone.renewsStateKey()
      run.report.count('key_shares')
    } else if (dice < 97) {
      const texts = ['einst', 'damals', 'neulich'].map((when) => `${when} ${text}`)
      const ids = await phone.recalls(
        MAX,
        texts.map((content) => ({ from: MAX, content })),
      )
      ids.forEach((id, index) => {
        this.past.push({ id, text: texts[index] ?? '' })
      })
      run.report.count('history_notices')
    } else {
      this.#max.calls(PHONE)
      run.report.count('calls')
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

const encrypted = ({ content }: BinaryNode): Uint8Array[] =>
  Array.isArray(content) ? content.flatMap(encrypted) : content instanceof Uint8Array ? [content] : []

const isText = (kind: string) => kind === 'direct' || kind === 'group'

/** Where a message was written to. */
const toOf = ({ line, kind }: Written) => (kind === 'group' ? line : PHONE)
