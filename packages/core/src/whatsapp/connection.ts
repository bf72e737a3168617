import type { BinaryNode } from '@whiskeysockets/baileys'
import { phoneChat } from '../chat-id.ts'
import type { Closed } from '../disconnects.ts'
import { isWamuxError, WamuxError } from '../errors.ts'
import type { Inbox } from '../inbox.ts'
import type { CertificateMode, Logger } from '../options.ts'
import type { Reachout } from '../restriction.ts'
import type { Account } from '../shared.ts'
import type { OutboxEntry } from '../stores/sql/outbox.ts'
import type { Store, Work } from '../stores/store.ts'
import { Arrivals } from './arrivals.ts'
import { checked, patchCurve } from './certificates.ts'
import { openCredentials } from './credentials.ts'
import { Dispatch } from './dispatch.ts'
import { patchInflate } from './frames.ts'
import { type Closing, hangUpSoon } from './hang-up.ts'
import { harden, hardenEvents, type SocketClient } from './harden.ts'
import { fromJid, toJid } from './jid.ts'
import { MissingState } from './missing-state.ts'
import { askForHiddenId, Questions } from './questions.ts'
import { patchLibsignal } from './ratchet.ts'
import { readEnd } from './read-end.ts'
import { secondsToMs } from './read-stanza.ts'
import { patchRefusals } from './refusals.ts'
import { Resends, type Sent } from './resends.ts'
import { RetryCounts } from './retry-counts.ts'
import { Signal } from './signal.ts'
import { type BaileysOptions, makeSocket } from './socket.ts'
import { SocketKeys } from './socket-keys.ts'
import { StateVersions } from './state-versions.ts'
import { reachoutOf, Synced } from './synced.ts'
import { patchTokens } from './tokens.ts'
import { Vault } from './vault.ts'

/** What a connection tells its session. */
export interface ConnectionEvents {
  /** A QR to be scanned, for so long. */
  linking(qr: string, expiresAt: number): void
  /** Which account it is: before the first message of it is told. */
  linked(account: Account): void
  opened(): void
  closed(why: Closed): void
  /** WhatsApp's server has the message, or refuses it with a code. */
  acked(id: string, error: string | undefined, timestamp: number): void
  /** WhatsApp told whether the account may begin chats. */
  reachout(reachout: Reachout): Promise<void>
  /** Something was committed that others may want to read. */
  committed(): void
}

export interface ConnectionOptions {
  session: string
  store: Store
  account: Account | null
  inbox: Inbox
  /** A message that was sent, for whoever asks for it again. */
  sent(id: string): Promise<Sent | undefined>
  certificates: CertificateMode
  logger: Logger
  baileys: BaileysOptions
  events: ConnectionEvents
}

/** Baileys shows the first QR for a minute and each later one for 20 s. */
const FIRST_QR_MS = 60_000
const NEXT_QR_MS = 20_000

/** One socket from open to close. Everything that is Baileys' stays in this folder. */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #vault: Vault
  readonly #signal: Signal
  readonly #sock: ReturnType<typeof makeSocket>
  readonly #ws: SocketClient & Closing
  readonly #keys: SocketKeys
  readonly #arrivals: Arrivals
  readonly #synced: Synced
  readonly #resends: Resends
  readonly #missing: MissingState
  readonly #questions = new Questions()
  readonly #dispatch: Dispatch
  #qrs = 0
  #isLinking = false
  #hasEnded = false

  /**
   * Loads the credentials and dials.
   * @throws CREDENTIALS_UNREADABLE, STORE_FAILED
   */
  static async open(options: ConnectionOptions): Promise<Connection> {
    patchLibsignal()
    patchInflate()
    patchRefusals()
    patchTokens()
    if (options.certificates !== 'off') patchCurve()
    const { store, session, account } = options
    return new Connection(options, await openCredentials(store, session, account))
  }

  private constructor(options: ConnectionOptions, creds: Vault['creds']) {
    this.#options = options
    this.#vault = new Vault({
      store: options.store,
      session: options.session,
      creds,
      account: options.account,
      onFailed: (error) => {
        const row = isWamuxError(error, 'CREDENTIALS_UNREADABLE') ? error.details.row : undefined
        options.logger.error({ error, session: options.session, ...(row && { row }) }, 'the store failed')
        this.#fatal(error)
      },
      onAccount: (linked) => options.events.linked(linked),
      onCommitted: () => options.events.committed(),
    })
    this.#signal = new Signal(this.#vault)
    const versions = new StateVersions(() => void this.#synced.written())
    this.#keys = new SocketKeys(this.#vault, this.#signal, versions)
    const retries = new RetryCounts(this.#vault)
    this.#resends = new Resends(options)
    const auth = { creds, keys: this.#keys.store }
    this.#sock = makeSocket({ auth, signal: this.#signal, retries, resends: this.#resends }, options.baileys)
    this.#synced = new Synced({
      inbox: options.inbox,
      vault: this.#vault,
      versions,
      ev: this.#sock.ev,
      reachout: (reachout) => options.events.reachout(reachout),
      failed: (error) => {
        if (!this.#hasEnded) this.#broke(error)
      },
    })
    this.#missing = new MissingState({
      keys: this.#keys.store,
      sock: this.#sock,
      questions: this.#questions,
      failed: (error) => {
        const { logger, session } = options
        if (!this.#hasEnded) logger.warn({ error, session }, 'what the devices of the account share could not be read')
      },
    })
    this.#arrivals = new Arrivals({
      inbox: options.inbox,
      vault: this.#vault,
      signal: this.#signal,
      retries,
      logger: options.logger,
      sock: this.#sock,
      written: () => this.#synced.written(),
    })
    this.#dispatch = new Dispatch({ sock: this.#sock, questions: this.#questions, resends: this.#resends })
    // Baileys types its websocket without the socket below it.
    this.#ws = this.#sock.ws as unknown as SocketClient & Closing
    try {
      this.#keys.preKeysFirst(this.#sock.authState.keys)
      this.#listen()
      this.#harden()
      hangUpSoon(this.#ws)
    } catch (error) {
      this.#ws.socket?.terminate() // a socket that could not be taken over must not stay
      throw error
    }
  }

  #harden(): void {
    const { certificates, logger, events } = this.#options
    this.#ws.on('CB:ack,class:message', (node: BinaryNode) => {
      const { id, error, t } = node.attrs
      if (id) events.acked(id, error, secondsToMs(t))
    })
    const fatal = (error: unknown) => this.#fatal(error)
    const broke = (error: unknown) => this.#broke(error)
    const { after } = harden(this.#ws, {
      fatal,
      broke,
      around: (work) => checked({ mode: certificates, logger }, work),
      durableFirst: (lane, node) => {
        if (lane === 'receipt') this.#resends.begin(node)
        return this.#arrivals.durableFirst(lane, node)
      },
      handled: async (lane, node) => {
        if (lane === 'receipt') await this.#resends.answer(node)
        await this.#arrivals.handled(lane, node)
      },
      closed: () => this.#vault.closedBecause,
      saving: () => this.#vault.saving,
    })
    this.#ws.on('CB:ib,,offline_preview', (node: BinaryNode) => this.#arrivals.announced(node))
    this.#ws.on('CB:ib,,offline', () =>
      after('message', async () => {
        await this.#arrivals.caughtUp()
        this.#missing.fetch()
      }),
    )
    hardenEvents(this.#sock.ev, broke)
  }

  /** @see Dispatch.prepare */
  prepare(entry: OutboxEntry): Promise<() => Promise<void>> {
    return this.#dispatch.prepare(entry)
  }

  /** Commits `work` together with what only became true by the message's ack. */
  async settle(id: string, work: () => Work<void>): Promise<void> {
    await this.#keys.settle(id, work)
  }

  /** What only became true by the message's ack is not true. */
  unsent(id: string): void {
    this.#keys.forget(id)
  }

  /** Shows the account typing in a chat; a message ends that, or 25 s do. */
  async typing(chat: string): Promise<void> {
    await this.#sock.sendPresenceUpdate('composing', toJid(chat))
  }

  /** Whether a phone is on WhatsApp, and under which id. */
  async lookUp(phone: string): Promise<{ registered: boolean; lid: string | null }> {
    const found = await this.#questions.ask(this.#sock.onWhatsApp(toJid(phoneChat(phone))))
    // Baileys gives nothing at all when WhatsApp did not answer; that says nothing about the number.
    if (!found) throw new WamuxError('WHATSAPP_TIMEOUT', 'WhatsApp did not say whether the number exists.')
    const entry = found.find(({ exists }) => exists)
    if (!entry) return { registered: false, lid: null }
    const lid = await this.#questions.ask(askForHiddenId(this.#sock, toJid(phoneChat(phone))))
    return { registered: true, lid: fromJid(lid)?.lid ?? null }
  }

  /** Asks WhatsApp whether the account may begin chats. */
  async reachout(): Promise<Reachout> {
    return reachoutOf(await this.#questions.ask(this.#sock.fetchAccountReachoutTimelock()))
  }

  /** Asks WhatsApp for the letters that the owner of `phone` types. */
  async pairingCode(phone: string): Promise<string> {
    return this.#questions.ask(this.#sock.requestPairingCode(phone))
  }

  /** Tells WhatsApp that this device is no longer linked. */
  async logout(): Promise<void> {
    await this.#questions.ask(this.#sock.logout())
  }

  /** Hangs up. {@link ConnectionEvents.closed} is not told: whoever closes knows. */
  async close(): Promise<void> {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#questions.end()
    try {
      await this.#vault.saving
      await this.#sock.end(undefined)
    } finally {
      this.#vault.close()
    }
  }

  /** Ends a connection from which nothing is heard any more, as if it had been lost. */
  lost(cause: string): void {
    this.#fatal(new WamuxError('WHATSAPP_TIMEOUT', cause))
  }

  /** The store failed outside of this connection: it ends as if its own write had, before anything else leaves. */
  storeFailed(error: unknown): void {
    this.#vault.fail(error)
  }

  /** The account that is linked, once WhatsApp has said so. */
  get account(): Account | null {
    return this.#vault.account
  }

  #listen(): void {
    const { ev } = this.#sock
    const { events } = this.#options
    ev.on('creds.update', ({ accountSyncCounter }) => {
      this.#vault.credsChanged()
      if (accountSyncCounter) this.#missing.fetch()
    })
    ev.on('connection.update', ({ connection, qr, lastDisconnect }) => {
      if (qr) {
        this.#isLinking = true
        events.linking(qr, Date.now() + (this.#qrs++ === 0 ? FIRST_QR_MS : NEXT_QR_MS))
      }
      if (connection === 'open') {
        this.#isLinking = false
        events.opened()
        this.#arrivals
          .again((node) => this.#ws.emit(`CB:${node.tag}`, node))
          .catch((error: unknown) => this.#fatal(error))
      }
      if (connection === 'close') this.#ended(lastDisconnect?.error)
    })
    this.#synced.listen()
  }

  /** Ends at once, before what went wrong can be turned into an answer to WhatsApp. */
  #fatal(error: unknown): void {
    if (this.#hasEnded) return
    this.#ws.socket?.terminate()
    this.#ended(error)
    this.#sock.end(error instanceof Error ? error : new Error(String(error))).catch((failed: unknown) => {
      this.#options.logger.warn({ error: failed, session: this.#options.session }, 'a socket did not end cleanly')
    })
  }

  /** The same when it may be the fault of what Baileys had in hand. */
  #broke(error: unknown): void {
    const { logger, session } = this.#options
    this.#arrivals
      .broke()
      .catch((failed: unknown) => logger.error({ error: failed, session }, 'what Baileys broke over was not noted'))
    this.#fatal(error)
  }

  #ended(error: unknown): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#questions.end()
    const storeFailed = !this.#vault.isOpen
    const isUnreadable = isWamuxError(this.#vault.closedBecause, 'CREDENTIALS_UNREADABLE')
    this.#vault.close()
    const end = readEnd(error, Date.now())
    if (end.statusCode === 405 || end.statusCode === 411) {
      this.#options.logger.error(
        { status: end.statusCode },
        'WhatsApp no longer takes this version of its client: update wamux',
      )
    }
    this.#options.events.closed({ ...end, wasLinking: this.#isLinking, storeFailed, isUnreadable })
  }
}
