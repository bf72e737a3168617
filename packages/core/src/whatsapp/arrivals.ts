import {
  type BinaryNode,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  proto,
  type WASocket,
} from '@whiskeysockets/baileys'
import type { Inbox, Incoming } from '../inbox.ts'
import type { Logger } from '../options.ts'
import * as journal from '../stores/sql/journal.ts'
import type { Work } from '../stores/store.ts'
import { answersTo } from './answers.ts'
import type { Lane } from './harden.ts'
import { readChange } from './read-change.ts'
import { decodePlaintext, innerOf, readContent } from './read-message.ts'
import { readResent } from './read-past.ts'
import { type Me, readGroupName, readIncoming, readReceipt } from './read-stanza.ts'
import { keep } from './refusals.ts'
import type { RetryCounts } from './retry-counts.ts'
import { authorOf, hashOf, type Signal } from './signal.ts'
import * as unhandled from './unhandled.ts'
import type { Vault } from './vault.ts'

export interface ArrivalsOptions {
  inbox: Inbox
  vault: Vault
  signal: Signal
  retries: RetryCounts
  logger: Logger
  /** For answers to what was handled before. */
  sock: Pick<WASocket, 'sendReceipt' | 'sendMessageAck' | 'messageRetryManager' | 'ev'>
  /** Resolves when what Baileys has told is written. */
  written(): Promise<void>
}

/** The parts of a message that Baileys can decrypt; others it refuses. */
const READABLE: ReadonlySet<string | undefined> = new Set(['pkmsg', 'msg', 'skmsg'])
const isToBeRead = ({ attrs, content }: BinaryNode): boolean =>
  READABLE.has(attrs.type) && content instanceof Uint8Array

/**
 * What comes in over one connection. Each stanza is on disk before Baileys sees it, since seeing it may already
 * acknowledge it; what only Baileys can handle is kept until it has, and given to it again after a crash; and what
 * WhatsApp delivers again although it was handled is answered here.
 */
export class Arrivals {
  readonly #options: ArrivalsOptions
  readonly #session: string
  readonly #vault: Vault
  /** Stanzas that did not come from WhatsApp, but from the store. */
  readonly #repeated = new WeakSet<BinaryNode>()
  /** What WhatsApp said it has kept for us, and what of it came, in messages. */
  #announced = 0
  #journalled = 0
  /** What Baileys has been given, and is kept until it has handled it. */
  readonly #inHand = new Set<BinaryNode>()
  #isOnline = false

  constructor(options: ArrivalsOptions) {
    this.#options = options
    this.#session = options.vault.session
    this.#vault = options.vault
    options.sock.ev.on('connection.update', ({ isOnline = this.#isOnline }) => {
      this.#isOnline = isOnline
    })
  }

  /** Commits what must be before Baileys sees a stanza. False when Baileys need not see it: then it is answered. */
  async durableFirst(lane: Lane, node: BinaryNode): Promise<boolean> {
    if (lane === 'message') {
      const isNew = await this.#messageFirst(node)
      if (!isNew) this.#count(node)
      return isNew
    }
    if (lane === 'receipt') {
      const work = this.#receipt(node)
      // Of all others Baileys has nothing to do, and each step is taken once.
      if (node.attrs.type === 'retry') return this.#take(node)
      if (work) await this.#keepOr(node, work)
      return true
    }
    const named = lane === 'notification' ? readGroupName(node) : undefined
    return this.#take(node, named && (() => this.#options.inbox.namedChat(named.group, named.name)))
  }

  /** Baileys has done what it does with a stanza, its answer included. */
  async handled(lane: Lane, node: BinaryNode): Promise<void> {
    if (!this.#vault.isOpen) return
    if (lane === 'message') this.#count(node)
    if (!this.#inHand.has(node)) return
    await this.#options.written()
    const clear = lane === 'message' ? unhandled.forget : unhandled.done
    await this.#vault.commit({}, [() => clear(this.#session, node)])
    this.#inHand.delete(node)
  }

  /**
   * Baileys broke over something. What it had in hand then is under suspicion; the second time it is given to it no
   * more, so that what breaks a connection does not break each one that follows.
   */
  async broke(): Promise<void> {
    const nodes = [...this.#inHand]
    if (nodes.length === 0 || !this.#vault.isOpen) return
    const { logger } = this.#options
    const session = this.#session
    const refused: BinaryNode[] = []
    await this.#vault.commit({}, [
      function* () {
        for (const node of nodes) if (yield* unhandled.suspect(session, node)) refused.push(node)
      },
    ])
    for (const { tag, attrs } of refused) {
      logger.error({ session, tag, id: attrs.id }, 'Baileys broke over a stanza twice: it is kept, and not handled')
    }
  }

  /** Gives `emit` what Baileys has perhaps not handled, the oldest first. */
  async again(emit: (node: BinaryNode) => void): Promise<void> {
    for (const node of await this.#vault.stanzas()) {
      // As if WhatsApp had kept it: what it said is in the journal, its keys are used up.
      const repeated = { ...node, attrs: { ...node.attrs, offline: '0' } }
      this.#repeated.add(repeated)
      emit(repeated)
    }
  }

  /** WhatsApp says how much it has kept while we were away. */
  announced(node: BinaryNode): void {
    const preview = getBinaryNodeChild(node, 'offline_preview')
    this.#announced = Number(preview?.attrs.message ?? 0) || 0
  }

  /** All that WhatsApp has kept has come, and each message of it was journalled or ended the connection. */
  async caughtUp(): Promise<void> {
    const timestamp = Date.now()
    const data = { announced: this.#announced, journalled: this.#journalled, timestamp }
    await this.#vault.commit({}, [() => journal.append(this.#session, 'caught_up', null, timestamp, data)])
  }

  #count(node: BinaryNode): void {
    if (node.attrs.offline !== undefined && !this.#repeated.has(node)) this.#journalled++
  }

  get #me(): Me {
    const { me } = this.#vault.creds
    return { id: me?.id ?? '', lid: me?.lid }
  }

  /** Before that, what comes in is part of linking, and of this connection only. */
  get #isLinked(): boolean {
    return this.#vault.creds.account !== undefined
  }

  #receipt(node: BinaryNode): (() => Work<unknown>) | undefined {
    const { inbox } = this.#options
    const receipt = readReceipt(node, this.#me)
    if (!receipt) return undefined
    return () => ('readElsewhere' in receipt ? inbox.readElsewhere(receipt.readElsewhere) : inbox.receipt(receipt))
  }

  /** Keeps a stanza for Baileys and does `work` with it, once. */
  async #take(node: BinaryNode, work?: () => Work<unknown>): Promise<boolean> {
    if (!this.#isLinked) return true
    const session = this.#session
    let taken: unhandled.Taken = 'new'
    await this.#keepOr(
      node,
      function* () {
        taken = yield* unhandled.take(session, node)
        if (taken === 'new' && work) yield* work()
      },
      [() => unhandled.keep(session, 'unhandled', node)],
    )
    // TypeScript does not see that the work above was run.
    if ((taken as unhandled.Taken) !== 'handled') {
      this.#inHand.add(node)
      return true
    }
    await this.#options.sock.sendMessageAck(node)
    return false
  }

  async #messageFirst(node: BinaryNode): Promise<boolean> {
    const { inbox, signal, retries, sock } = this.#options
    const read = this.#readMessage(node)
    // Baileys will refuse it for good, so that WhatsApp does not deliver it again: what came is kept.
    if (!read) {
      await this.#vault.commit({}, [this.#asItCame(node)])
      keep(node)
      return true
    }
    const { incoming } = read
    const author = authorOf(read.author) === authorOf(this.#me.id) ? this.#me.id : read.author
    const parts = getBinaryNodeChildren(node, 'enc')
    const known = node.attrs.offline === undefined ? [] : await this.#known(author, parts)
    if (parts.length > 0 && known.length === parts.length) {
      if (!(await this.#vault.read(() => unhandled.isKept(this.#session, node)))) {
        await this.#answer(node, known)
        return false
      }
      this.#inHand.add(node)
    }
    for (const { content } of parts) {
      if (!(content instanceof Uint8Array)) continue
      signal.expect(content, {
        author,
        isFromMe: incoming.isFromMe,
        mayBeKnown: known.length > 0,
        record: (message) => this.#message(incoming, message) ?? this.#ownBusiness(incoming, node, message),
        recordAsItCame: () => this.#asItCame(node),
        recordUndecryptable: () => () => inbox.undecryptable(incoming),
        willAskAgain: () => {
          keep(node)
          return retries.remind(sock.messageRetryManager, incoming.id, node.attrs.participant)
        },
      })
    }
    // Baileys looks at the first one, and refuses all for it; one without bytes it passes over.
    if (READABLE.has(parts[0]?.attrs.type) && parts.some(isToBeRead)) return true
    const plain = this.#plainMessage(incoming, node)
    const session = this.#session
    await this.#keepOr(node, function* () {
      if (plain) return yield* plain()
      yield* inbox.undecryptable(incoming)
      if (parts.length > 0 || getBinaryNodeChild(node, 'plaintext')) yield* unhandled.keep(session, 'refused', node)
    })
    keep(node)
    return true
  }

  /** The plaintexts of those parts that were decrypted before. */
  async #known(author: string, parts: readonly BinaryNode[]): Promise<Uint8Array[]> {
    const known: Uint8Array[] = []
    for (const { content } of parts) {
      const plaintext = content instanceof Uint8Array && (await this.#vault.plaintext(hashOf(author, content)))
      if (plaintext) known.push(plaintext)
    }
    return known
  }

  async #answer(node: BinaryNode, plaintexts: readonly Uint8Array[]): Promise<void> {
    const { sock } = this.#options
    const answers = answersTo(node, this.#me, plaintexts.map(decodePlaintext), this.#isOnline)
    if (!answers) return sock.sendMessageAck(node)
    for (const { jid, participant, id, type } of answers) await sock.sendReceipt(jid, participant, [id], type)
  }

  /** Does `work`; when that itself is at fault the stanza is kept as it came, and WhatsApp need not send it again. */
  async #keepOr(node: BinaryNode, work: () => Work<unknown>, otherwise: (() => Work<unknown>)[] = []): Promise<void> {
    try {
      await this.#vault.commit({}, [work])
    } catch (error) {
      if (!this.#vault.isOpen) throw error
      this.#options.logger.error({ error, session: this.#session }, 'a stanza could not be recorded')
      await this.#vault.commit({}, [this.#asItCame(node), ...otherwise])
    }
  }

  #asItCame(node: BinaryNode): () => Work<unknown> {
    return () => unhandled.keep(this.#session, 'refused', node)
  }

  #message(incoming: Incoming, message: proto.IMessage): (() => Work<unknown>) | undefined {
    const { inbox } = this.#options
    const inner = innerOf(message)
    const { kind, type, body } = readContent(inner)
    if (kind === 'message') {
      const raw = proto.Message.encode(inner).finish()
      return () => inbox.message(incoming, { type, body, raw })
    }
    const change = readChange(inner)
    return change && (() => inbox.change(incoming, change))
  }

  /** What a message says that was not encrypted, as those of newsletters are; undefined when it is none, or cannot be read. */
  #plainMessage(incoming: Incoming, node: BinaryNode): (() => Work<unknown>) | undefined {
    const [plain] = getBinaryNodeChildren(node, 'plaintext')
    if (!(plain?.content instanceof Uint8Array)) return undefined
    try {
      return this.#message(incoming, proto.Message.decode(plain.content))
    } catch (error) {
      // Not in the transaction: there it would count as a store that fails, each time that WhatsApp sends it again.
      this.#options.logger.warn({ error, session: this.#session }, 'a message without encryption could not be read')
      return undefined
    }
  }

  #readMessage(node: BinaryNode): ReturnType<typeof readIncoming> | undefined {
    try {
      return readIncoming(node, this.#me)
    } catch (error) {
      this.#options.logger.warn({ error, session: this.#session }, 'a message stanza could not be read')
      return undefined
    }
  }

  /**
   * What the account's own phone tells Baileys (the history, the mapping of hidden ids) is acknowledged before Baileys
   * has done anything with it.
   */
  #ownBusiness(incoming: Incoming, node: BinaryNode, message: proto.IMessage): (() => Work<unknown>) | undefined {
    if (!incoming.isFromMe) return undefined
    this.#inHand.add(node)
    const { inbox } = this.#options
    const session = this.#session
    const resent = readResent(innerOf(message))
    return function* () {
      yield* unhandled.keep(session, 'unhandled', node)
      for (const one of resent) yield* inbox.message(one.incoming, one.content)
    }
  }
}
