import { proto, type WASocket } from '@whiskeysockets/baileys'
import { within } from '../ending.ts'
import { WamuxError } from '../errors.ts'
import type { OutboxEntry } from '../stores/sql/outbox.ts'
import { toJid } from './jid.ts'
import { prepare } from './preparation.ts'
import { isOfClosed, isUnanswered, type Questions, refusalOf } from './questions.ts'
import { relayOptions } from './relay.ts'
import type { Resends } from './resends.ts'
import { type Sending, sending } from './sending.ts'

export interface DispatchOptions {
  sock: WASocket
  questions: Questions
  resends: Resends
}

/** What Baileys asks although everything was asked before is not waited for longer than this. */
const LIMIT_MS = 30_000

/** Puts messages on the wire, under the ids that they have. */
export class Dispatch {
  readonly #options: DispatchOptions

  constructor(options: DispatchOptions) {
    this.#options = options
  }

  /**
   * Asks what has to be known to encrypt a message. What it gives sends it, and resolves when the frame is written, which
   * is not yet "sent".
   * @throws WHATSAPP_REJECTED, WHATSAPP_DISCONNECTED, WHATSAPP_TIMEOUT
   */
  async prepare(entry: OutboxEntry): Promise<() => Promise<void>> {
    const { sock, questions } = this.#options
    const { asksForDevices } = entry
    const audience = relayOptions(entry.relay).statusJidList
    const about = { asksForDevices, audience }
    const group = await named(entry, questions.ask(prepare(sock, toJid(entry.chat), about)))
    const message: Sending = { id: entry.id, group, isGivenUp: false, isEncrypting: false }
    return () => named(entry, this.#send(entry, message))
  }

  async #send(entry: OutboxEntry, message: Sending): Promise<void> {
    const { sock, resends } = this.#options
    const options = { ...relayOptions(entry.relay), messageId: entry.id }
    const relay = async () => {
      await sock.relayMessage(toJid(entry.chat), proto.Message.decode(entry.body), options)
    }
    const sent = sending.run(message, () => resends.sending(entry, relay))
    const isLate = (await within(LIMIT_MS, sent, 'late')) === 'late'
    if (isLate && !message.isEncrypting) {
      message.isGivenUp = true
      throw new WamuxError('WHATSAPP_TIMEOUT', 'WhatsApp does not say what has to be known to encrypt this.')
    }
    await sent
  }
}

/**
 * Says what Baileys' errors mean for a message.
 * @throws WHATSAPP_REJECTED when WhatsApp answered a question about it for good, WHATSAPP_TIMEOUT when it cannot answer now,
 * WHATSAPP_DISCONNECTED
 */
async function named<T>({ id }: OutboxEntry, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    const code = refusalOf(error)
    if (code !== undefined) {
      const what = `WhatsApp refused to say where to send this (${code}).`
      throw new WamuxError('WHATSAPP_REJECTED', what, { code: String(code), messageId: id }, { cause: error })
    }
    if (isOfClosed(error)) {
      const what = 'The connection ended while this was sent.'
      throw new WamuxError('WHATSAPP_DISCONNECTED', what, { state: 'waiting' }, { cause: error })
    }
    if (!isUnanswered(error)) throw error
    throw new WamuxError('WHATSAPP_TIMEOUT', 'WhatsApp cannot say now where to send this.', undefined, { cause: error })
  }
}
