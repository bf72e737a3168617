import { randomUUID } from 'node:crypto'
import { createClient, isWamuxClientError } from '@wamux/client'
import type { Fault, Where } from '@wamux/emulator'
import { type Accepted, checkOutbound } from '../runner/oracle.ts'
import type { Random } from '../runner/random.ts'
import type { Suite } from '../runner/suite.ts'
import { PHONE, Trial } from '../runner/trial.ts'

const PEOPLE = ['491234567890', '491234567891', '491234567892', '491234567893', '491234567894', '491234567895']
/** So many wait as long as there are kills to come; fewer when those are few. */
const QUEUED = 500
const QUEUED_FOR_KILL = 20
const AT_ONCE = 100
/** The outbox has as many on the wire at most: so often a kill can make WhatsApp see something twice. */
const WINDOW = 4

/** Somebody who sends and is not content before there is an answer: each request is repeated under its key. */
class Sender {
  readonly accepted: Accepted[] = []
  readonly #trial: Trial
  readonly #random: Random
  readonly #chats: readonly string[]
  readonly #queued: number
  #texts = 0
  #isOver = false

  constructor(trial: Trial, chats: readonly string[]) {
    this.#trial = trial
    this.#random = trial.run.random.fork()
    this.#chats = chats
    this.#queued = Math.min(QUEUED, QUEUED_FOR_KILL * Math.max(1, trial.run.kills))
  }

  /** Resolves when it was told to end, and everything it began was answered. */
  async sends(): Promise<void> {
    await Promise.all([this.#singles(), this.#batches()])
  }

  ends(): void {
    this.#isOver = true
  }

  async #batches(): Promise<void> {
    while (!this.#isOver) {
      const items = Array.from({ length: Math.min(AT_ONCE, this.#queued) }, () => this.#item())
      const { messages } = await this.#insist((gateway, idempotencyKey) =>
        gateway.sendBulk({ messages: items }, { idempotencyKey }),
      )
      items.forEach(({ phone, message }, index) => {
        const id = messages[index]?.messageId ?? ''
        this.accepted.push({ id, line: `batches to ${phone}`, chat: phone, text: message })
      })
      await this.#isShorterThan(this.#queued)
    }
  }

  async #isShorterThan(queue: number): Promise<void> {
    const isShort = async () => this.#isOver || this.accepted.length - this.#trial.heard.size < queue
    await this.#trial.until(isShort, Number.POSITIVE_INFINITY)
  }

  async #singles(): Promise<void> {
    while (!this.#isOver) {
      await this.#isShorterThan(2 * this.#queued)
      const { phone, message } = this.#item()
      const { messageId: id } = await this.#insist((gateway, idempotencyKey) =>
        gateway.sendMessage({ phone, message }, { idempotencyKey }),
      )
      this.accepted.push({ id, line: `singles to ${phone}`, chat: phone, text: message })
    }
  }

  #item(): { phone: string; message: string } {
    return { phone: this.#random.pick(this.#chats), message: `Nachricht ${this.#texts++}` }
  }

  /** The same request until it is answered. A server that is away, or not connected yet, has not accepted it. */
  async #insist<T>(
    request: (gateway: ReturnType<typeof createClient>['gateway'], key: string) => Promise<T>,
  ): Promise<T> {
    const key = randomUUID()
    for (;;) {
      const { url, apiKey } = this.#trial
      try {
        return await request(createClient({ url, apiKey, retries: 0, timeoutMs: 5_000 }).gateway, key)
      } catch (error) {
        if (!isWamuxClientError(error) || !PASSING.has(error.code)) throw error
        this.#trial.run.report.count('requests_repeated')
        // The server needs the time more than we do.
        await new Promise((again) => setTimeout(again, 20))
      }
    }
  }
}

const PASSING = new Set(['UNREACHABLE', 'TIMEOUT', 'IDEMPOTENCY_IN_PROGRESS', 'STOPPING', 'WHATSAPP_DISCONNECTED'])

/** One in twenty messages gets lost on its way, and one in twenty acks: both are sent again by the next process. */
function losses({ emulator, run }: Trial): Fault[] {
  const random = run.random.fork()
  const sometimes = (probability: number, figure: string) => () => {
    const isLost = random.chance(probability)
    if (isLost) run.report.count(figure)
    return isLost
  }
  const messages = { phone: PHONE, direction: 'from-client', tag: 'message', matches: sometimes(0.05, 'lost_frames') }
  const acks = {
    phone: PHONE,
    direction: 'to-client',
    tag: 'ack',
    class: 'message',
    matches: sometimes(0.05, 'lost_acks'),
  }
  // The literals are what the type wants.
  return [messages, acks].map((where) => emulator.faults.on(where as Where).drop())
}

/** C4: what was accepted is on the recipients' phones, each once. */
export const outbound: Suite = {
  name: 'outbound',
  about:
    'Messages are sent, 500 of them queued, window 4, direct and to groups, while requests are repeated by their keys.',
  kills: 50,
  fails: {
    'new-id-on-retry': { kills: 10 },
    'settled-when-written': { kills: 15 },
    'row-after-answer': { kills: 15 },
    'shared-domain': { kills: 8, at: 'after frame message' },
  },
  async run(run) {
    const trial = await Trial.open(run, { server: { sendWaitMs: 50 } })
    const { emulator } = trial
    for (const phone of PEOPLE) emulator.contact(phone, { name: `Kontakt ${phone}` })
    await trial.link()
    const groups = [0, 1].map((n) =>
      emulator.group({ subject: `Gruppe ${n}`, members: [PHONE, ...PEOPLE.slice(n, n + 3)] }),
    )
    const members = new Map(groups.map(({ id, members }) => [id, members.filter((phone) => phone !== PHONE)]))
    // Acks take their time, as with a server that is far away: more is on the wire when the process dies.
    const acks = emulator.faults.on({ phone: PHONE, direction: 'to-client', tag: 'ack', class: 'message' })
    const slow = acks.slow(10, { jitterMs: 40 })
    const lost = losses(trial)
    const sender = new Sender(trial, [...PEOPLE, ...groups.map(({ id }) => id)])
    const sending = sender.sends()
    sending.catch(() => {}) // it is awaited below
    await trial.killAll({ withinMs: 2_000, effects: 250, deadLines: 0.4 })
    run.report.count('heard_before_the_end', trial.heard.size)
    sender.ends()
    slow.lift()
    for (const fault of lost) fault.lift()
    await trial.start()
    await sending
    const waiting = () => sender.accepted.filter(({ id }) => !trial.heard.has(id))
    // What was heard and not acknowledged is sent once more.
    const isSettled = async () => !(await trial.peek()).outbox.some(({ state }) => state === 'queued')
    await trial.drain(
      async () => waiting().length === 0 && (await isSettled()),
      () => `${waiting().length} were not heard, such as ${waiting()[0]?.id}; or the outbox still waits`,
    )
    const books = await trial.books()
    checkOutbound(
      run.report,
      sender.accepted,
      PEOPLE.map((phone) => emulator.contact(phone)),
      members,
      books,
    )
    const repeats = run.report.figures.repeated_ids ?? 0
    const { lost_acks: acksLost = 0, lost_frames: framesLost = 0 } = run.report.figures
    // Who hears no ack begins a new connection: that is as good as a kill.
    if (repeats > (run.kills + acksLost + framesLost) * WINDOW)
      run.report.broke('dup_ids_on_phone', `${repeats} repeats are more than the window allows`)
    run.report.count('retry_requests', trial.retryRequests)
    if (trial.retryRequests > 0) run.report.broke('undecryptable', `${trial.retryRequests} copies were asked for again`)
  },
}
