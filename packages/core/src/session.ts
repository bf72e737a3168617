import { randomUUID } from 'node:crypto'
import { Batches } from './batches.ts'
import { chatKind, parsePerson, userOf } from './chat-id.ts'
import { type Disconnect, readDisconnect } from './disconnects.ts'
import { invalid, isWamuxError, WamuxError } from './errors.ts'
import { Announcer, Teller } from './events.ts'
import { feed } from './feed.ts'
import type { Gate } from './gate.ts'
import { Inbox } from './inbox.ts'
import { type Effect, type Input, type Life, next } from './lifecycle.ts'
import type { Limits } from './limits.ts'
import { Linking } from './linking.ts'
import { type CertificateMode, type Logger, RECONNECT_GRACE_MS } from './options.ts'
import { Outbox } from './outbox.ts'
import { type Gap, Pacer } from './pacer.ts'
import { People } from './people.ts'
import { Reader } from './reader.ts'
import { type Replayable, Sender } from './sender.ts'
import type {
  Account,
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
import type { LookupsOfSession } from './stores/keyv.ts'
import * as journal from './stores/sql/journal.ts'
import * as keys from './stores/sql/keys.ts'
import * as outboxRows from './stores/sql/outbox.ts'
import * as sessions from './stores/sql/sessions.ts'
import type { Store } from './stores/store.ts'
import { watched } from './stores/watched.ts'
import { Connection } from './whatsapp/connection.ts'
import type { BaileysOptions } from './whatsapp/socket.ts'

/** @internal */
export interface SessionOptions {
  row: sessions.SessionRow
  store: Store
  lookups: LookupsOfSession
  pacing: Gap
  limits: Limits
  sendWaitMs: number
  stalledAfterMs: number
  certificates: CertificateMode
  logger: Logger
  baileys: BaileysOptions
  /** So many may dial at a time in this process. */
  gate: Gate
  /** Where every event of the session is told besides its own listeners. */
  tell(envelope: EventEnvelope): void
}

/**
 * One WhatsApp account, or the place for one. Carries out what `lifecycle.ts` decides; made by
 * {@link SessionManager.create} and got from {@link SessionManager.session}.
 */
export class Session extends Teller implements SessionApi {
  readonly id: string
  readonly #options: SessionOptions
  readonly #store: Store
  readonly #outbox: Outbox
  readonly #sender: Sender
  readonly #batches: Batches
  readonly #pacer: Pacer
  readonly #inbox: Inbox
  readonly #announcer: Announcer
  readonly #reader: Reader
  readonly #people: People
  readonly #linking = new Linking()
  readonly #over = new AbortController()
  #name: string
  #account: Account | null
  #life: Life
  #lostAt: number | undefined
  /** It is being logged out: nothing more is accepted for this account. */
  #isLeaving = false
  #connection: Connection | undefined
  /** Counts connections: what an older one still says is dropped. */
  #epoch = 0
  /** Given back when the session no longer dials. */
  #leaveGate: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #busy: Promise<void> = Promise.resolve()

  /** @internal {@link SessionManager} makes sessions. */
  constructor(options: SessionOptions) {
    super(options.logger)
    const { row, store } = options
    this.id = row.id
    this.#options = options
    this.#store = store
    this.#name = row.name
    this.#account = row.account
    this.#life = row.ended ? JSON.parse(row.ended) : { name: 'stopped' }
    this.#inbox = new Inbox(row.id, () => this.#account)
    this.#reader = new Reader(row.id, store, () => this.#account, options.limits)
    this.#people = new People({
      session: row.id,
      store,
      lookups: options.lookups,
      account: () => this.#account,
      connection: () => this.#assertConnected(),
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
    const watchedStore = watched(store, (error) => this.#connection?.storeFailed(error))
    this.#outbox = new Outbox({
      session: row.id,
      store: watchedStore,
      pacer: this.#pacer,
      inbox: this.#inbox,
      account: () => this.#account,
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
      sendWaitMs: options.sendWaitMs,
      assertCanSend: () => this.#assertCanSend(),
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
    const life = this.#life
    return {
      id: this.id,
      name: this.#name,
      state: life.name,
      reason: life.name === 'failed' ? life.reason : null,
      retryAt: life.name === 'waiting' || life.name === 'failed' ? life.until : null,
      account: this.#account,
      createdAt: this.#options.row.createdAt,
    }
  }

  /** Connects, or begins linking. Resolves once it is under way; `ready` is told when the connection is open. */
  async start(): Promise<void> {
    await this.#store.write(() => sessions.setWanted(this.id, 'running'))
    await this.#input({ type: 'start' })
  }

  async stop(): Promise<void> {
    await this.#store.write(() => sessions.setWanted(this.id, 'stopped'))
    await this.#input({ type: 'stop' })
  }

  async restart(): Promise<void> {
    await this.#input({ type: 'stop' })
    await this.start()
  }

  async logout(): Promise<void> {
    const life = this.#life
    if (life.name === 'logged_out') return
    // Only WhatsApp can unlink a device. With credentials that nobody can read there is nothing else to do.
    const isLost = life.name === 'failed' && life.reason === 'CREDENTIALS_UNREADABLE'
    if (this.#account && !isLost) {
      const connection = this.#assertConnected()
      this.#isLeaving = true
      this.#letGo() // the end that follows is ours, not WhatsApp's
      try {
        await connection.logout()
      } catch (error) {
        // WhatsApp may close before it answers; the phone's owner sees the device gone either way.
        this.#options.logger.warn({ error, session: this.id }, 'logging out')
      } finally {
        await connection.close()
        this.#isLeaving = false
      }
    }
    await this.#input({ type: 'logout' })
  }

  async qr(): Promise<LinkingQr> {
    this.#assertLinking()
    return this.#linking.now()
  }

  async pairingCode(phone: string): Promise<PairingCode> {
    const { chatId } = parsePerson(phone)
    if (chatKind(chatId) !== 'person') throw invalid('phone', 'must be a phone number.')
    this.#assertLinking()
    await this.#linking.begun()
    if (!this.#connection) throw new WamuxError('NOT_LINKING', 'Nobody can link now.', { state: this.#life.name })
    const code = await this.#connection.pairingCode(userOf(chatId))
    const pairing: PairingCode = { code, expiresAt: this.#linking.endsAt() }
    this.#tellLive('pairing_code', pairing)
    return pairing
  }

  async send(phone: string, message: string, options: SendOptions & Replayable = {}): Promise<SentMessage> {
    return this.#sender.send(phone, message, options)
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
    await this.#input({ type: 'start' })
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
    await this.#input({ type: 'stop' })
    await this.#pacer.stop()
    await this.#announcer.stop()
    this.#over.abort()
  }

  /** @internal For {@link SessionManager.rename}. */
  renamed(name: string): void {
    this.#name = name
  }

  /** Inputs are taken one after the other: two starts at once open one connection. */
  #input(input: Input): Promise<void> {
    const done = this.#busy.then(() => this.#take(input))
    this.#busy = done.catch(() => {}) // whoever gave the input hears of it
    return done
  }

  async #take(input: Input): Promise<void> {
    const before = this.#life
    const step = next(before, input, { now: Date.now() })
    this.#life = step.life
    if (input.type === 'start' && before.name !== 'waiting') this.#lostAt = Date.now()
    const wasThere = before.name === 'ready' || before.name === 'linking'
    if (wasThere && step.life.name !== before.name) this.#lostAt = Date.now()
    if (step.life.name !== 'linking') this.#linking.end()
    if (step.life.name !== 'connecting') this.#leaveGate?.()
    for (const effect of step.effects) await this.#perform(effect)
    if (before.name !== step.life.name) await this.#changed(step.life)
  }

  async #perform(effect: Effect): Promise<void> {
    switch (effect.do) {
      case 'open':
        clearTimeout(this.#timer)
        return this.#dial()
      case 'close': {
        clearTimeout(this.#timer)
        const connection = this.#connection
        this.#letGo()
        return connection?.close()
      }
      case 'wait':
        clearTimeout(this.#timer)
        this.#timer = setTimeout(() => this.#given({ type: 'waited' }), effect.ms)
        return
      case 'forget_credentials':
        return this.#forget()
    }
  }

  /** Dials in its own time: a stop must not wait for others who dial. */
  #dial(): void {
    const epoch = ++this.#epoch
    this.#open(() => epoch === this.#epoch).catch((error: unknown) => {
      this.#options.logger.error({ error, session: this.id }, 'a connection could not be closed')
    })
  }

  async #open(mine: () => boolean): Promise<void> {
    const leave = await this.#options.gate.enter()
    if (!mine()) return leave()
    this.#leaveGate = leave
    try {
      const connection = await Connection.open({
        session: this.id,
        store: this.#store,
        account: this.#account,
        inbox: this.#inbox,
        sent: async (id) => (await this.#store.read(() => outboxRows.byId(this.id, id)))?.body,
        certificates: this.#options.certificates,
        logger: this.#options.logger,
        baileys: this.#options.baileys,
        events: {
          linking: (qr, expiresAt) => {
            if (!mine()) return
            this.#given({ type: 'linking' })
            this.#linking.shown(qr, expiresAt)
            this.#tellLive('qr', { qr, expiresAt })
          },
          linked: (account) => {
            if (mine()) this.#account = account
          },
          opened: () => mine() && this.#given({ type: 'opened' }),
          closed: (why) => {
            if (!mine()) return
            this.#letGo()
            this.#given({ type: 'closed', why: readDisconnect(why) })
          },
          acked: (id, error, timestamp) => mine() && this.#outbox.acked(id, error, timestamp),
          committed: () => this.#announcer.ring(),
        },
      })
      if (mine()) this.#connection = connection
      else await connection.close()
    } catch (error) {
      if (!mine()) return
      this.#options.logger.error({ error, session: this.id }, 'a connection could not be opened')
      this.#letGo()
      this.#given({ type: 'closed', why: whyNotOpened(error) })
    }
  }

  /** What came of a connection's end is dropped from here on. */
  #letGo(): void {
    this.#epoch++
    this.#connection = undefined
    this.#leaveGate?.()
    this.#leaveGate = undefined
    this.#outbox.detach()
  }

  async #changed(life: Life): Promise<void> {
    const now = Date.now()
    if (life.name === 'ready' && !(await this.#opened(now))) return
    const { state, reason, retryAt } = this.snapshot()
    // A linking that ran out, a ban, another place that took the account: a new start of the process changes nothing.
    const rests = life.name === 'logged_out' || (life.name === 'failed' && life.reason !== 'STORE_FAILED')
    if (rests) await this.#store.write(() => sessions.setEnded(this.id, JSON.stringify(life)))
    this.#tellLive('state', { state, reason, retryAt, timestamp: now })
  }

  /** Writes down that the session is ready and lets messages go out; false when that cannot be written. */
  async #opened(now: number): Promise<boolean> {
    const connection = this.#connection
    if (!connection) return false // it ended meanwhile, and its end is the next input
    this.#lostAt = undefined
    this.#account = connection.account ?? this.#account
    const { phone, lid, name } = this.#account ?? { phone: '', lid: null, name: '' }
    try {
      await this.#store.write(() => journal.append(this.id, 'ready', null, now, { phone, lid, name, timestamp: now }))
      this.#announcer.ring()
      if (connection !== this.#connection) return false
      await this.#outbox.attach({
        send: (entry, options) => connection.send(entry, options),
        settle: (id, work) => connection.settle(id, work),
        exists: (chat) => this.#people.exists(chat),
        lost: (cause) => connection.lost(cause),
      })
    } catch (error) {
      this.#options.logger.error({ error, session: this.id }, 'the store failed as the connection opened')
      this.#letGo()
      await connection.close()
      this.#given({ type: 'closed', why: { kind: 'failed', reason: 'STORE_FAILED', until: null } })
      return false
    }
    return true
  }

  async #forget(): Promise<void> {
    const cause = this.#life.name === 'logged_out' ? this.#life.cause : 'requested'
    const timestamp = Date.now()
    const session = this.id
    await this.#store.write(function* () {
      yield* keys.archive(session, timestamp)
      yield* sessions.setAccount(session, null)
      yield* journal.append(session, 'logged_out', null, timestamp, { cause, timestamp })
    })
    this.#account = null
    this.#announcer.ring()
  }

  #given(input: Input): void {
    this.#input(input).catch((error: unknown) => {
      this.#options.logger.error({ error, session: this.id, input: input.type }, 'a change of state failed')
    })
  }

  #tellLive<E extends keyof LiveEvents>(event: E, data: LiveEvents[E]): void {
    this.tell({ id: `evt_${randomUUID()}`, event, sessionId: this.id, seq: null, timestamp: Date.now(), data })
  }

  #assertLinking(): void {
    const life = this.#life
    if (life.name === 'failed' && life.reason === 'LINKING_EXPIRED') {
      throw new WamuxError('LINKING_EXPIRED', 'Nobody scanned the QR in time. Start the session to get a new one.')
    }
    const isLinking = life.name === 'linking' || (life.name === 'connecting' && this.#account === null)
    const waits = life.name === 'waiting' && this.#account === null
    if (!isLinking && !waits) throw new WamuxError('NOT_LINKING', `The session is ${life.name}.`, { state: life.name })
  }

  /** @throws WHATSAPP_DISCONNECTED */
  #assertConnected(): Connection {
    const connection = this.#connection
    if (connection && this.#life.name === 'ready' && !this.#isLeaving) return connection
    throw new WamuxError('WHATSAPP_DISCONNECTED', 'WhatsApp not connected', { state: this.#life.name })
  }

  /** @throws WHATSAPP_DISCONNECTED unless the message can go out soon */
  #assertCanSend(): void {
    const life = this.#life
    if (life.name === 'ready' && !this.#isLeaving) return
    const reconnects = (life.name === 'connecting' || life.name === 'waiting') && this.#account !== null
    if (reconnects && this.#lostAt !== undefined && Date.now() - this.#lostAt <= RECONNECT_GRACE_MS) return
    throw new WamuxError('WHATSAPP_DISCONNECTED', 'WhatsApp not connected', { state: life.name })
  }
}

function whyNotOpened(error: unknown): Disconnect {
  if (isWamuxError(error, 'CREDENTIALS_UNREADABLE'))
    return { kind: 'failed', reason: 'CREDENTIALS_UNREADABLE', until: null }
  if (isWamuxError(error, 'STORE_FAILED')) return { kind: 'failed', reason: 'STORE_FAILED', until: null }
  return { kind: 'lost', cause: error instanceof Error ? error.message : String(error) }
}
