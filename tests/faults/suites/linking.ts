import type { Phone } from '@wamux/emulator'
import type { Books } from '../runner/books.ts'
import type { PlanOptions } from '../runner/plan.ts'
import type { Run, Suite } from '../runner/suite.ts'
import { Trial } from '../runner/trial.ts'

const MAX = '491234567890'
/** A session that is neither linked nor unlinked by then is stuck. */
const SETTLE_MS = 30_000

/** One account that is linked while the server is killed. */
class Candidate {
  readonly id: string
  readonly phone: Phone
  /** What arrives in its first connection, and what its phone remembers from before. */
  readonly written: { id: string; text: string }[] = []
  past: readonly string[] = []
  readonly #trial: Trial

  constructor(trial: Trial, n: number) {
    this.#trial = trial
    this.id = `account${n}`
    this.phone = trial.emulator.phone(`4917${String(n).padStart(8, '0')}`, { name: `Konto ${n}` })
  }

  /** Whether WhatsApp came to know of the device before the server died. */
  async scans(qr: string): Promise<boolean> {
    return this.phone.scans(qr).then(
      () => true,
      () => false,
    )
  }

  /** Gives its phone a past. */
  remembers(): void {
    const { phone } = this.phone
    const texts = ['früher', 'auch früher', 'noch früher', 'zuletzt']
    const messages = texts.map((content, index) => ({ from: index % 2 === 0 ? MAX : phone, content }))
    this.past = this.phone.remembers(MAX, messages)
  }

  async isWrittenTo(text: string): Promise<void> {
    const { id } = await this.#trial.emulator.contact(MAX).says(this.phone.phone, text)
    this.written.push({ id, text })
  }

  /** Resolves with the state in which the next process has it, once that is a final one. */
  async settles(): Promise<string> {
    const session = this.#trial.session(this.id)
    let state = 'unknown'
    const isSettled = async () => {
      state = (await session.info()).state
      if (state === 'linking') return (await session.qr()).qr !== null
      return state === 'ready' || state === 'logged_out' || state === 'failed'
    }
    if (!(await this.#trial.until(isSettled, SETTLE_MS)))
      this.#trial.run.report.broke('stuck', `${this.id} stays ${state}`)
    return state
  }

  /** Linked on both sides, with the same keys, or on none. */
  async check(state: string): Promise<void> {
    const { run } = this.#trial
    const devices = this.phone.devices.length
    run.report.count(state === 'ready' ? 'linked' : 'unlinked')
    if (devices !== (state === 'ready' ? 1 : 0)) {
      run.report.broke('half_linked', `${this.id} is ${state}, and its phone shows ${devices} devices`)
    }
    if (state !== 'ready') return
    const { account } = await this.#trial.session(this.id).info()
    if (account?.phone !== this.phone.phone) run.report.broke('identity_changes', `${this.id} is ${account?.phone}`)
    await this.#checkKeys()
  }

  /** Every pre-key that WhatsApp hands out can be used, and what the phone has shared is here. */
  async #checkKeys(): Promise<void> {
    const { run } = this.#trial
    const keys = (await this.books()).keys
    const here = new Set(keys.map(({ type, id }) => `${type} ${id}`))
    const advertised = this.#trial.truth<{ id: number }>(
      'SELECT id FROM one_time_keys WHERE phone = ?',
      this.phone.phone,
    )
    const missing = advertised.filter(({ id }) => !here.has(`pre-key ${id}`))
    run.report.count('advertised_pre_keys', advertised.length)
    if (missing.length > 0) run.report.broke('lost', `${this.id}: ${missing.length} pre-keys have no private half`)
    const shared = this.#trial.truth<{ id: Buffer }>('SELECT id FROM app_state_keys WHERE phone = ?', this.phone.phone)
    const isHere = async () => {
      const now = new Set((await this.books()).keys.map(({ type, id }) => `${type} ${id}`))
      return shared.every(({ id }) => now.has(`app-state-sync-key ${id.toString('base64')}`))
    }
    if (!(await this.#trial.until(isHere, SETTLE_MS))) run.report.broke('lost', `${this.id}: keys of the app state`)
  }

  /** Everything that came after the linking, and the past, in whatever life it was told. */
  async checkMessages(): Promise<void> {
    const { run, receiver } = this.#trial
    const isTold = async () => {
      const told = new Set(receiver.told.map(({ data }) => data.id))
      const kept = new Set((await this.books()).messages.map(({ id }) => id))
      return this.written.every(({ id }) => told.has(id)) && this.past.every((id) => kept.has(id))
    }
    if (!(await this.#trial.until(isTold, SETTLE_MS))) run.report.broke('stuck', `${this.id} has not got everything`)
    const { events, messages } = await this.books()
    const told = events.filter(({ event }) => event === 'message')
    for (const { id, text } of this.written) {
      const found = told.filter(({ data }) => data.id === id)
      if (found.length === 0) run.report.broke('lost', `${this.id}: ${id}`)
      if (found.length > 1) run.report.broke('dup_in_log', `${this.id}: ${id}`)
      if (found[0] && found[0].data.body !== text)
        run.report.broke('lost', `${this.id}: ${id} says ${found[0].data.body}`)
    }
    for (const id of this.past) {
      if (!messages.some((message) => message.id === id)) run.report.broke('lost', `${this.id}: ${id} of the past`)
    }
    for (const { event, data } of events) {
      if (event === 'message_undecryptable') run.report.broke('undecryptable', `${this.id}: ${data.id}`)
    }
    const places = this.written.map(({ id }) => told.findIndex(({ data }) => data.id === id))
    if (places.some((place, index) => place < (places[index - 1] ?? 0))) run.report.broke('order_violations', this.id)
    run.report.count('written', this.written.length)
    run.report.count('of_the_past', this.past.length)
  }

  async books(): Promise<Books> {
    const books = await this.#trial.peek()
    const isMine = ({ session }: { session: string }) => session === this.id
    return {
      ...books,
      events: books.events.filter(isMine),
      messages: books.messages.filter(isMine),
      keys: books.keys.filter(isMine),
      stanzas: books.stanzas.filter(isMine),
    }
  }
}

/** For each kill an account of its own, which is linked while `during` happens and is looked at in the next life. */
async function linkAndKill(
  run: Run,
  options: PlanOptions,
  during: (candidate: Candidate, qr: string) => Promise<void>,
  after: (candidate: Candidate, state: string) => Promise<void>,
): Promise<void> {
  const trial = await Trial.open(run, { emulator: { pretendPreKeys: 0 } })
  trial.emulator.contact(MAX, { name: 'Max Mustermann' })
  await trial.setUp()
  await trial.untilDone(async (n) => {
    const candidate = new Candidate(trial, n)
    const qr = await trial.create(candidate.id)
    const dead = trial.killFromHere(options)
    await Promise.all([dead, during(candidate, qr)])
    await trial.start()
    const state = await candidate.settles()
    await candidate.check(state)
    await after(candidate, state)
    await trial.admin.sessions.remove(candidate.id)
  })
  await trial.stop()
}

/** C6: the QR is scanned, and the process dies: at pair-success, at the restart, at the upload of the pre-keys, … */
export const pairing: Suite = {
  name: 'pairing',
  about: 'Accounts are linked: each is linked or cleanly unlinked afterwards, with every pre-key that it advertised.',
  kills: 30,
  fails: { 'creds-late': { kills: 3, at: 'before 1. keys/creds' } },
  run: (run) =>
    linkAndKill(
      run,
      { withinMs: 700, effects: 25 },
      async (candidate, qr) => {
        await candidate.scans(qr)
      },
      async () => {},
    ),
}

/** C3: the first connection, which stock Baileys buffers for up to 20 s, with a past that comes at the same time. */
export const firstConnection: Suite = {
  name: 'first-connection',
  about: 'Messages and the history arrive in the first connection of a new account.',
  kills: 20,
  fails: {
    'journal-outside': { kills: 3, at: 'before 1. events/message' },
    // The second thing that a phone says is the past.
    'stanza-forgotten': { kills: 1, at: 'after 2. frame receipt peer_msg' },
    'answered-before-handled': { kills: 1, at: 'after 2. frame receipt peer_msg' },
  },
  run: (run) =>
    linkAndKill(
      run,
      { withinMs: 2_000, effects: 140 },
      async (candidate, qr) => {
        candidate.remembers()
        if (!(await candidate.scans(qr))) return
        for (let n = 0; n < 4; n++) await candidate.isWrittenTo(`Nachricht ${n}`)
      },
      async (candidate, state) => {
        if (state === 'ready') await candidate.checkMessages()
      },
    ),
}
