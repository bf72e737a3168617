import { randomUUID } from 'node:crypto'
import type { Backoff } from './backoff.ts'
import { Batches } from './batches.ts'
import { chatKind, parsePerson, userOf } from './chat-id.ts'
import { invalid } from './errors.ts'
import { Announcer, Teller } from './events.ts'
import { feed } from './feed.ts'
import type { Gate } from './gate.ts'
import { Inbox } from './inbox.ts'
import type { Limits } from './limits.ts'
import type { CertificateMode, Logger } from './options.ts'
import { Outbox } from './outbox.ts'
import { type Gap, Pacer } from './pacer.ts'
import { People } from './people.ts'
import { Reader } from './reader.ts'
import { type Replayable, Sender } from './sender.ts'
import type {
  Batch,
  BulkItem,
  BulkOptions,
  Chat,
  Contact,
  EventEnvelope,
  EventsOptions,
  JournalEnvelope,
  LinkingQr,
  ListOptions,
  LiveEvents,
  Message,
  NumberCheck,
  OutgoingMessage,
  Page,
  PairingCode,
  SendOptions,
  SentMessage,
  SessionApi,
  SessionInfo,
} from './shared.ts'
import { assertCanSend, assertLinking, shown } from './standing.ts'
import type { LookupsOfSession } from './stores/keyv.ts'
import * as sessions from './stores/sql/sessions.ts'
import type { Store } from './stores/store.ts'
import { watched } from './stores/watched.ts'
import { Supervisor } from './supervisor.ts'
import type { BaileysOptions } from './whatsapp/socket.ts'
import type { Content } from './whatsapp/write-message.ts'

/** @internal */
export interface SessionOptions {
  row: sessions.SessionRow
  store: Store
  lookups: LookupsOfSession
  pacing: Gap
  limits: Limits
  typing: boolean
  sendWaitMs: number
  stalledAfterMs: number
  backoff: Backoff
  storeRetryMs: number
  certificates: CertificateMode
  logger: Logger
  baileys: BaileysOptions
  /** So many may dial at a time in this process. */
  gate: Gate
  /** Where every event of the session is told besides its own listeners. */
  tell(envelope: EventEnvelope): void
}

/**
 * One WhatsApp account, or the place for one; made by {@link SessionManager.create} and got from
 * {@link SessionManager.session}. What it can do stands here; who does it, in a file for each.
 */
export class Session extends Teller implements SessionApi {
  readonly id: string
  readonly #options: SessionOptions
  readonly #store: Store
  readonly #outbox: Outbox
  readonly #sender: Sender
  readonly #batches: Batches
  readonly #pacer: Pacer
  readonly #announcer: Announcer
  readonly #reader: Reader
  readonly #people: People
  readonly #supervisor: Supervisor
  readonly #over = new AbortController()
  #name: string

  /** @internal {@link SessionManager} makes sessions. */
  constructor(options: SessionOptions) {
    super(options.logger)
    const { row, store } = options
    this.id = row.id
    this.#options = options
    this.#store = store
    this.#name = row.name
    const account = () => this.#supervisor.account
    const inbox = new Inbox(row.id, account)
    this.#reader = new Reader(row.id, store, account, options.limits)
    this.#people = new People({
      session: row.id,
      store,
      lookups: options.lookups,
      account,
      connection: () => this.#supervisor.assertConnected(),
    })
    this.#pacer = new Pacer({
      gap: options.pacing,
      report: (error) => options.logger.error({ error, session: row.id }, 'sending'),
    })
    this.#announcer = new Announcer({
      store,
      session: row.id,
      announced: row.announced,
      tell: (envelope) => this.tell(envelope),
      report: (error) => options.logger.error({ error, session: row.id }, 'reading the journal'),
    })
    // What it holds in memory is then perhaps not what is on disk: the next connection reads it again.
    const watchedStore = watched(store, (error) => this.#supervisor.storeFailed(error))
    this.#outbox = new Outbox({
      session: row.id,
      store: watchedStore,
      pacer: this.#pacer,
      inbox,
      account,
      logger: options.logger,
      limits: options.limits,
      committed: () => this.#announcer.ring(),
    })
    this.#batches = new Batches(row.id, watchedStore, this.#outbox)
    this.#sender = new Sender({
      session: row.id,
      store,
      outbox: this.#outbox,
      reader: this.#reader,
      typing: options.typing,
      sendWaitMs: options.sendWaitMs,
      assertCanSend: () => assertCanSend(this.#supervisor.standing, Date.now()),
    })
    this.#supervisor = new Supervisor({
      row,
      store,
      inbox,
      outbox: this.#outbox,
      certificates: options.certificates,
      logger: options.logger,
      baileys: options.baileys,
      gate: options.gate,
      backoff: options.backoff,
      storeRetryMs: options.storeRetryMs,
      exists: (chat) => this.#people.exists(chat),
      committed: () => this.#announcer.ring(),
      tellLive: (event, data) => this.#tellLive(event, data),
    })
    this.#announcer.ring()
  }

  override tell(envelope: EventEnvelope): void {
    super.tell(envelope)
    this.#options.tell(envelope)
  }

  async info(): Promise<SessionInfo> {
    return this.snapshot()
  }

  /** {@link info} without waiting. */
  snapshot(): SessionInfo {
    return {
      id: this.id,
      name: this.#name,
      ...shown(this.#supervisor.standing.life),
      account: this.#supervisor.account,
      createdAt: this.#options.row.createdAt,
    }
  }

  /** Connects, or begins linking. Resolves once it is under way; `ready` is told when the connection is open. */
  async start(): Promise<void> {
    await this.#store.write(() => sessions.setWanted(this.id, 'running'))
    await this.#supervisor.input({ type: 'start' })
  }

  async stop(): Promise<void> {
    await this.#store.write(() => sessions.setWanted(this.id, 'stopped'))
    await this.#supervisor.input({ type: 'stop' })
  }

  async restart(): Promise<void> {
    await this.#supervisor.input({ type: 'stop' })
    await this.start()
  }

  async logout(): Promise<void> {
    await this.#supervisor.logout()
  }

  async qr(): Promise<LinkingQr> {
    assertLinking(this.#supervisor.standing)
    return this.#supervisor.linking.now()
  }

  async pairingCode(phone: string): Promise<PairingCode> {
    const { chatId } = parsePerson(phone)
    if (chatKind(chatId) !== 'person') throw invalid('phone', 'must be a phone number.')
    const code = await this.#supervisor.pairingCode(userOf(chatId))
    const pairing: PairingCode = { code, expiresAt: this.#supervisor.linking.endsAt() }
    this.#tellLive('pairing_code', pairing)
    return pairing
  }

  async send(phone: string, message: string, options: SendOptions & Replayable = {}): Promise<SentMessage> {
    return this.#sender.send(phone, message, options)
  }

  /** @internal For the kinds of messages that have no verb yet. */
  async sendContent(phone: string, content: Content, options: SendOptions = {}): Promise<SentMessage> {
    return this.#sender.sendContent(phone, content, options)
  }

  async sendBulk(messages: readonly BulkItem[], options: BulkOptions & Replayable = {}): Promise<Batch> {
    return this.#sender.sendBulk(messages, options)
  }

  async batch(batchId: string): Promise<Batch> {
    return this.#reader.batch(batchId)
  }

  async pauseBatch(batchId: string): Promise<Batch> {
    await this.#batches.pause(batchId)
    return this.#reader.batch(batchId)
  }

  async resumeBatch(batchId: string): Promise<Batch> {
    await this.#batches.resume(batchId)
    return this.#reader.batch(batchId)
  }

  async cancelBatch(batchId: string): Promise<Batch> {
    await this.#batches.cancel(batchId)
    return this.#reader.batch(batchId)
  }

  async chats(options: ListOptions = {}): Promise<Page<Chat>> {
    return this.#reader.chats(options)
  }

  async messages(chatId: string, options: ListOptions = {}): Promise<Page<Message>> {
    return this.#reader.messages(chatId, options)
  }

  async recentMessages(options: ListOptions = {}): Promise<Page<Message>> {
    return this.#reader.recentMessages(options)
  }

  async chatMessage(chatId: string, messageId: string, sender?: string): Promise<Message> {
    return this.#reader.chatMessage(chatId, messageId, sender)
  }

  async message(messageId: string): Promise<OutgoingMessage> {
    return this.#reader.message(messageId, this.#outbox.onWireSince(messageId))
  }

  async cancelMessage(messageId: string): Promise<OutgoingMessage> {
    await this.#batches.cancelMessage(messageId)
    return this.message(messageId)
  }

  async checkNumber(phone: string): Promise<NumberCheck> {
    return this.#people.checkNumber(phone)
  }

  async contact(phone: string): Promise<Contact> {
    return this.#people.contact(phone)
  }

  events(options: EventsOptions = {}): AsyncIterableIterator<JournalEnvelope> {
    const onRing = (ring: () => void) => {
      this.on('event', ring)
      return () => void this.off('event', ring)
    }
    return feed({ ...options, session: this.id, store: this.#store, onRing, over: this.#over.signal })
  }

  /** @internal For {@link SessionManager}: starts again what ran when the process ended. */
  async resume(): Promise<void> {
    await this.#supervisor.resume()
  }

  /** For whoever writes to the journal of the session beside it, as the server does: has listeners told what is new. */
  ring(): void {
    this.#announcer.ring()
  }

  /** @internal For {@link SessionManager}: gives up what could not be sent in time, and tells what waits for long. */
  async expire(): Promise<void> {
    await this.#outbox.expire()
    await this.#outbox.tellStalled(this.#options.stalledAfterMs)
  }

  /** @internal For {@link SessionManager}: lets go of everything, and stays "wanted" for the next start of the process. */
  async shutDown(): Promise<void> {
    await this.#supervisor.input({ type: 'stop' })
    await this.#pacer.stop()
    await this.#announcer.stop()
    this.#over.abort()
  }

  /** @internal For {@link SessionManager}: the disk takes nothing more, whoever noticed it first. */
  storeFailed(error: unknown): void {
    this.#supervisor.storeFailed(error)
  }

  /** @internal For {@link SessionManager.rename}. */
  renamed(name: string): void {
    this.#name = name
  }

  #tellLive<E extends keyof LiveEvents>(event: E, data: LiveEvents[E]): void {
    this.tell({ id: `evt_${randomUUID()}`, event, sessionId: this.id, seq: null, timestamp: Date.now(), data })
  }
}
