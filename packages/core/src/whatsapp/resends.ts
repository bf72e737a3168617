import {
  type BinaryNode,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  jidDecode,
  jidNormalizedUser,
  proto,
  type WASocket,
} from '@whiskeysockets/baileys'
import { chatKind } from '../chat-id.ts'
import type { Logger } from '../options.ts'
import type { OutboxEntry } from '../stores/sql/outbox.ts'
import { toJid } from './jid.ts'
import { hasRelay, relayOptions } from './relay.ts'

/** A message that was sent, as it is on disk. */
export type Sent = Pick<OutboxEntry, 'id' | 'chat' | 'body' | 'relay'>

type Socket = Pick<WASocket, 'relayMessage' | 'messageRetryManager'>

export interface ResendsOptions {
  session: string
  logger: Logger
  sent(id: string): Promise<Sent | undefined>
}

/**
 * What is sent again because somebody could not read it. Baileys prepares the sessions and sends the protobuf alone; a
 * message that has something beside it is withheld from Baileys, and sent from here when the sessions are prepared.
 */
export class Resends {
  readonly #options: ResendsOptions
  #sock: Socket | undefined
  /** The messages that the receipt asks for which Baileys handles now; receipts are handled one after the other. */
  #asked = new Map<string, Sent | undefined>()
  /** Those on their way that Baileys must not remember: what it remembers it sends again without asking. */
  readonly #withheld = new Set<string>()

  constructor(options: ResendsOptions) {
    this.#options = options
  }

  over(sock: Socket): void {
    this.#sock = sock
    const manager = sock.messageRetryManager
    if (!manager) return
    const remember = manager.addRecentMessage.bind(manager)
    manager.addRecentMessage = (to, id, message) => {
      if (!this.#withheld.has(id)) remember(to, id, message)
    }
  }

  /** Runs what sends a message for the first time, or anew after a lost connection. */
  async sending<T>({ id, relay }: Sent, work: () => Promise<T>): Promise<T> {
    if (!hasRelay(relay)) return work()
    this.#withheld.add(id)
    try {
      return await work()
    } finally {
      this.#withheld.delete(id)
    }
  }

  /** Baileys is about to handle a receipt. */
  begin(node: BinaryNode): void {
    const ids = node.attrs.type === 'retry' ? idsOf(node) : []
    this.#asked = new Map(ids.map((id) => [id, undefined]))
  }

  /** For Baileys: a message that it is to send again. */
  async message(id: string): Promise<proto.IMessage | undefined> {
    const sent = await this.#options.sent(id)
    if (!sent) return undefined
    if (hasRelay(sent.relay) && this.#asked.has(id)) {
      this.#asked.set(id, sent)
      return undefined
    }
    return proto.Message.decode(sent.body)
  }

  /** Baileys has handled the receipt: sends what was withheld from it, to whom it would have. */
  async answer(node: BinaryNode): Promise<void> {
    const { from, participant = from, recipient = from } = node.attrs
    const count = Number(getBinaryNodeChild(node, 'retry')?.attrs.count) || 1
    for (const sent of this.#asked.values()) {
      if (!sent || !from || participant === undefined || recipient === undefined) continue
      const jid = chatKind(sent.chat) === 'group' ? toJid(sent.chat) : jidNormalizedUser(recipient)
      // The person's phone asks: then none of the devices is likely to have read it.
      const to = jidDecode(participant)?.device
        ? { participant: { jid: participant, count } }
        : { useUserDevicesCache: false }
      const options = { ...relayOptions(sent.relay), ...to, messageId: sent.id }
      try {
        await this.sending(sent, async () => this.#sock?.relayMessage(jid, proto.Message.decode(sent.body), options))
      } catch (error) {
        const { logger, session } = this.#options
        logger.warn(
          { error, session, id: sent.id },
          'a message could not be sent again to somebody who could not read it',
        )
      }
    }
    this.#asked.clear()
  }
}

function idsOf(node: BinaryNode): string[] {
  const items = getBinaryNodeChildren(getBinaryNodeChild(node, 'list'), 'item')
  return [node.attrs.id, ...items.map(({ attrs }) => attrs.id)].filter((id) => id !== undefined)
}
