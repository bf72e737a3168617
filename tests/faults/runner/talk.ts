import type { ClientSession } from '@wamux/client'
import type { Contact, Phone, SayOptions } from '@wamux/emulator'
import type { Books } from './books.ts'
import { type Accepted, checkInbound, checkOutbound, type Written } from './oracle.ts'
import type { Told } from './receiver.ts'
import type { Trial } from './trial.ts'

/** So long something may take that nothing is in the way of: the machine may have much else to do. */
const PATIENCE_MS = 20_000
const BROKEN_PATIENCE_MS = 12_000

/** What one account hears and says while a server does what it should not, and what has to have become of it. */
export class Talk {
  readonly written: Written[] = []
  readonly accepted: Accepted[] = []
  /** Who has to hear what is said in a group. */
  readonly members = new Map<string, readonly string[]>()
  readonly id: string
  readonly phone: Phone
  readonly #trial: Trial

  constructor(trial: Trial, id = 'demo', phone = trial.phone) {
    this.#trial = trial
    this.id = id
    this.phone = phone
  }

  /** One that is made and linked for it. The server must be there already. */
  static async link(trial: Trial, id: string, number: string): Promise<Talk> {
    const talk = new Talk(trial, id, trial.emulator.phone(number, { name: id }))
    await talk.phone.scans(await trial.create(id))
    await trial.must(`become ready as ${id}`, async () => (await talk.session.info()).state === 'ready')
    return talk
  }

  get session(): ClientSession {
    return this.#trial.session(this.id)
  }

  /**
   * Somebody writes to the account. Resolves with the id. Messages of one `line`, by default those of the author, have to
   * come in this order.
   */
  async hears(who: Contact, text: string, options: SayOptions & { line?: string } = {}): Promise<string> {
    const { line = who.phone, ...how } = options
    const { id } = await who.says(this.phone.phone, text, how)
    this.written.push({ id, event: 'message', line, author: who.phone, text, kind: 'direct' })
    return id
  }

  /** The account writes. Resolves with the id when that is accepted. */
  async says(chat: string, text: string): Promise<string> {
    const { messageId: id } = await this.session.send(chat, text)
    this.accepted.push({ id, line: chat, chat, text })
    return id
  }

  get told(): Told[] {
    return this.#trial.receiver.told.filter(({ instanceId }) => instanceId === this.id)
  }

  isTold(id: string): Promise<boolean> {
    const isIt = ({ event, data }: Told) => event === 'message' && data.id === id
    return this.eventually(`tell of ${id}`, async () => this.told.some(isIt))
  }

  isHeard(id: string): Promise<boolean> {
    return this.eventually(`send ${id}`, async () => this.#trial.heard.has(id))
  }

  isBack(): Promise<boolean> {
    return this.eventually('connect again', async () => (await this.session.info()).state === 'ready')
  }

  /** What waits for its next try has to try now: how long it waits is tested elsewhere. */
  async #triesAgain(): Promise<false> {
    if ((await this.session.info()).state === 'waiting') await this.session.start()
    return false
  }

  /** Whether it becomes so in time; if not, that is `stuck`. */
  async eventually(what: string, isSo: () => Promise<boolean>): Promise<boolean> {
    const { broken, report } = this.#trial.run
    const isNow = async () => (await isSo()) || (await this.#triesAgain())
    if (await this.#trial.until(isNow, broken === undefined ? PATIENCE_MS : BROKEN_PATIENCE_MS)) return true
    const state = await this.session.info().catch((error: unknown) => ({ state: `away: ${error}` }))
    report.broke('stuck', `${this.id} did not ${what}; it is ${JSON.stringify(state)}`)
    return false
  }

  /** Whether going on would only show the same again. */
  get isHopeless(): boolean {
    const { stuck = [], crashed = [] } = this.#trial.run.report.findings
    return stuck.length + crashed.length > 0
  }

  /** Waits until everything is where it belongs. */
  async ends(): Promise<void> {
    const told = () =>
      new Set(this.told.flatMap(({ event, data }) => (event === 'message' && data.id ? [data.id] : [])))
    await this.eventually('bring everything to its end', async () => {
      const here = told()
      if (!this.written.every(({ id }) => here.has(id))) return false
      if (!this.accepted.every(({ id }) => this.#trial.heard.has(id))) return false
      const { outbox } = await this.#trial.peek()
      const open = new Set(outbox.filter(({ state }) => state === 'queued').map(({ id }) => id))
      return !this.accepted.some(({ id }) => open.has(id))
    })
  }

  /**
   * Compares all of it with what the server has written down; `isMine` leaves out what somebody else looks at. Messages
   * that could not be read at first are no fault, if they could be later.
   */
  check(books: Books, people: readonly Contact[], isMine: (told: Pick<Told, 'data'>) => boolean = () => true): void {
    const { run, receiver } = this.#trial
    const messages = books.messages.filter(({ session, sender }) => session === this.id && sender !== 'me')
    const spoiled = new Set(messages.map(({ id }) => id))
    const events = books.events
      .filter(({ session }) => session === this.id)
      .map((one) => (isMine(one) ? one : { ...one, event: `${one.event}, looked at elsewhere` }))
    const told = this.told.filter(isMine)
    // What a server should not send is kept unhandled.
    const mine = { ...books, events, messages, stanzas: [] }
    const { changed, repeats } = receiver
    checkInbound(run.report, this.written, { told, changed, repeats }, mine, { spoiled })
    if (this.accepted.length > 0) checkOutbound(run.report, this.accepted, people, this.members, mine)
  }
}
