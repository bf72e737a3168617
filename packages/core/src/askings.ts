import { type Ending, within } from './ending.ts'
import { WamuxError } from './errors.ts'
import { EXPIRED, type Failure } from './outcomes.ts'
import type { OutboxEntry } from './stores/sql/outbox.ts'
import type { Wire } from './wire.ts'

/** How to send a message, or why it cannot be sent. */
export type Asked = { send: () => Promise<void> } | { failure: Failure }

/** So long the other chats wait for what WhatsApp says of one, which takes a fraction of it. */
const PATIENCE_MS = 1_000
/** What is not answered by then is asked again another time. */
const ANSWER_MS = 30_000
/** Who is in a group and which devices they have changes: what was asked longer ago is asked again. */
const FRESH_MS = 60_000

interface Asking {
  readonly asked: Promise<Asked | undefined>
  readonly at: number
}

export interface AskingsOptions {
  /** Lets a message wait, and its chat; at most so long. */
  aside(entry: OutboxEntry, ms: number): void
  /** There is an answer for a message that waits aside. */
  answered(entry: OutboxEntry): void
}

/**
 * What WhatsApp is asked about messages before they are encrypted. Whom it says nothing of keeps nobody else waiting:
 * such a message has no place on the wire, and holds no lock.
 */
export class Askings {
  readonly #options: AskingsOptions
  /** Of messages that wait aside. */
  readonly #asked = new Map<string, Asking>()

  constructor(options: AskingsOptions) {
    this.#options = options
  }

  /**
   * Undefined when the connection has ended, or the message waits aside.
   * @throws WHATSAPP_TIMEOUT, and whatever asking does
   */
  async about(entry: OutboxEntry, wire: Wire, ended: Ending): Promise<Asked | undefined> {
    const isOver = () => entry.deadline <= Date.now()
    if (isOver()) return { failure: EXPIRED }
    const asking = this.#freshOf(entry.id) ?? { asked: ask(entry, wire, ended), at: performance.now() }
    const { asked } = asking
    this.#asked.delete(entry.id)
    const answer = await within(PATIENCE_MS, asked, 'late')
    if (answer !== 'late') return answer && isOver() ? { failure: EXPIRED } : answer
    this.#asked.set(entry.id, asking)
    this.#options.aside(entry, ANSWER_MS)
    const answered = () => {
      if (this.#asked.get(entry.id) === asking) this.#options.answered(entry)
    }
    asked.then(answered, answered) // an error is for whoever takes the message next
    return undefined
  }

  forget(id: string): void {
    this.#asked.delete(id)
  }

  /** The connection has ended: the next one is asked anew. */
  clear(): void {
    this.#asked.clear()
  }

  #freshOf(id: string): Asking | undefined {
    const asking = this.#asked.get(id)
    return asking && performance.now() - asking.at < FRESH_MS ? asking : undefined
  }
}

async function ask(entry: OutboxEntry, wire: Wire, ended: Ending): Promise<Asked | undefined> {
  const answer = await within(ANSWER_MS, ended.or(answerOf(entry, wire)), 'late')
  if (answer === 'late') {
    throw new WamuxError('WHATSAPP_TIMEOUT', 'WhatsApp does not say what has to be known to send this.')
  }
  return answer
}

async function answerOf(entry: OutboxEntry, wire: Wire): Promise<Asked> {
  if (await wire.exists(entry.chat)) return { send: await wire.prepare(entry) }
  return { failure: { state: 'failed', code: 'NOT_ON_WHATSAPP', error: `${entry.phone} has no WhatsApp account.` } }
}
