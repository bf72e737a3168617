import type { Contact, Group } from '@wamux/emulator'
import type { Random } from '../runner/random.ts'
import type { Receiver } from '../runner/receiver.ts'
import type { Run, Suite } from '../runner/suite.ts'
import { PHONE, Trial } from '../runner/trial.ts'

const PEOPLE = ['491234567890', '491234567891', '491234567892', '491234567893']
/** So many may be written and not told: a chat whose head was refused waits for 5 s, and the others must not. */
const AHEAD = 60
/** How many deliveries of one webhook are under way at once, and may come again after a kill. */
const AT_ONCE = 6
/** Long enough that much is told in it. */
const LIFE = { withinMs: 600, effects: 60, deadLines: 0.05 }
const AROUND = ['webhook', 'deliveries'] as const

interface Written {
  id: string
  chat: string
}

/** Writes in several chats, a little ahead of what the receiver has taken. */
class Writer {
  readonly written: Written[] = []
  readonly #open = new Set<string>()
  readonly #random: Random
  readonly #people: Contact[]
  readonly #group: Group
  #isOver = false
  #more = Promise.withResolvers<void>()

  constructor(trial: Trial) {
    this.#random = trial.run.random.fork()
    this.#people = PEOPLE.map((phone) => trial.emulator.contact(phone, { name: phone }))
    this.#group = trial.emulator.group({ subject: 'Familie', members: [PHONE, ...PEOPLE] })
    trial.receiver.on('told', ({ data }) => {
      if (data.id !== undefined && this.#open.delete(data.id)) this.#more.resolve()
    })
  }

  async writes(): Promise<void> {
    while (!this.#isOver) {
      this.#more = Promise.withResolvers()
      if (this.#open.size >= AHEAD) await this.#more.promise
      else await this.#writeOne()
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
    const person = this.#random.pick(this.#people)
    const isInGroup = this.#random.chance(0.3)
    const { id } = await person.says(isInGroup ? this.#group.id : PHONE, `${this.written.length}`)
    this.written.push({ id, chat: isInGroup ? this.#group.id : person.phone })
    this.#open.add(id)
  }
}

/** W: what is in the journal is told, at least once, in order within a chat, whatever the receiver does. */
export const webhook: Suite = {
  name: 'webhook',
  about: 'Events are delivered to a receiver that refuses some and answers some not, and are replayed.',
  kills: 50,
  fails: {
    'cursor-alone': { kills: 20, at: 'webhooks' },
    'done-before-posted': { kills: 10, at: 'webhook' },
    'webhook-id-per-attempt': { kills: 1 },
    'nothing-held': { kills: 1 },
  },
  async run(run) {
    const trial = await Trial.open(run)
    await trial.link()
    const { receiver } = trial
    const faults = unreliable(run, receiver)
    const writer = new Writer(trial)
    const writing = writer.writes()
    writing.catch(() => {}) // it is awaited below
    // A life that nobody ends, in which the receiver has refused some and answered some not.
    await trial.must('tell', async () => receiver.told.length >= AHEAD / 2)
    const random = run.random.fork()
    // Half of them around a delivery: when it is written, posted, and settled.
    await trial.killAll(() => ({ ...LIFE, ...(random.chance(0.5) && { at: random.pick(AROUND) }) }))
    writer.ends()
    await writing
    faults.end()
    const pending = async () => (await trial.session().webhooks.deliveries('default', { state: 'pending' })).data
    const isDone = async () => writer.waiting.length === 0 && (await pending()).length === 0
    await trial.drain(isDone, () => `not told: ${writer.waiting.join(', ')}`)

    // More than were under way at each kill, and those that were taken without an answer, cannot have come again.
    const repeats = receiver.repeats
    // The first life, in which it was linked, ended by a kill too.
    const most = (run.kills + 1) * AT_ONCE + faults.cuts
    if (repeats > most) run.report.broke('too_many_repeats', `${repeats}`)
    const begun = receiver.taken.length
    const { count } = await trial.session().webhooks.replay('default', { after: 0, events: ['message'] })
    // Short runs have no life to spare for this.
    for (let kill = 0; kill < Math.floor(Math.min(2, run.kills / 10)); kill++) await trial.killOnce()
    await trial.drain(
      async () => (await pending()).length === 0,
      () => 'a replay did not end',
    )
    if (count !== writer.written.length) run.report.broke('lost', `${count} of ${writer.written.length} were replayed`)
    check(run, writer.written, receiver, begun)

    const dead = (await trial.session().webhooks.deliveries('default', { state: 'dead' })).data
    for (const { eventId } of dead) run.report.broke('lost', `${eventId} was given up`)
    const { events } = await trial.books()
    run.report.count('events', events.length)
    run.report.count('told', receiver.told.length)
    const seqs = new Set(receiver.told.map(({ seq }) => seq))
    for (const { seq, event } of events) if (!seqs.has(seq)) run.report.broke('lost', `event ${seq}, a ${event}`)
  },
}

/** One in twenty events is refused at first, another one taken without an answer: both come again 5 s later. */
function unreliable(run: Run, receiver: Receiver): { cuts: number; end(): void } {
  const random = run.random.fork()
  const seen = new Set<string>()
  const state = {
    cuts: 0,
    end: () => {
      receiver.answer = () => 'take'
    },
  }
  receiver.answer = (id) => {
    if (seen.has(id)) return 'take'
    seen.add(id)
    const dice = random.below(20)
    if (dice > 1) return 'take'
    run.report.count(dice === 0 ? 'refused' : 'not_answered')
    if (dice === 0) return 500
    state.cuts++
    return 'cut'
  }
  return state
}

function check(run: Run, written: readonly Written[], receiver: Receiver, begun: number): void {
  const { report } = run
  const eventOf = new Map(
    receiver.told.filter(({ event }) => event === 'message').map(({ id, data }) => [data.id ?? '', id]),
  )
  const passes = { told: receiver.taken.slice(0, begun), replayed: receiver.taken.slice(begun) }
  for (const [pass, taken] of Object.entries(passes)) {
    const places = new Map<string, number>()
    for (const [place, id] of taken.entries()) if (!places.has(id)) places.set(id, place)
    const last = new Map<string, number>()
    for (const { id, chat } of written) {
      const place = places.get(eventOf.get(id) ?? '')
      if (place === undefined) {
        report.broke('lost', `${pass}: ${id} of ${chat}`)
        continue
      }
      if (place < (last.get(chat) ?? 0)) report.broke('order_violations', `${pass}: ${id} of ${chat} came too late`)
      last.set(chat, place)
    }
  }
  for (const id of receiver.changed) report.broke('dup_in_log', `webhook ${id} had another body, or another id`)
  report.count('written', written.length)
  report.count('repeated_webhooks', receiver.repeats)
}
