import { chatKind, userOf } from './chat-id.ts'
import { isWamuxError, WamuxError } from './errors.ts'
import type { Inbox } from './inbox.ts'
import { ACK, toMessage } from './message.ts'
import { type Logger, SEND_DEADLINE_MS } from './options.ts'
import type { Pacer, Priority } from './pacer.ts'
import type { Account, MessageFailed } from './shared.ts'
import * as contacts from './stores/sql/contacts.ts'
import * as history from './stores/sql/history.ts'
import * as journal from './stores/sql/journal.ts'
import * as rows from './stores/sql/outbox.ts'
import type { Store, Work } from './stores/store.ts'
import { readBody } from './whatsapp/read-message.ts'

/** What the outbox needs of a connection. */
export interface Wire {
  send(entry: rows.OutboxEntry): Promise<void>
  settle(id: string, work: () => Work<void>): Promise<void>
  /** Whether a chat can be written to at all. */
  exists(chat: string): Promise<boolean>
  lost(cause: string): void
}

/** How a message ended. */
export type Outcome = { state: 'sent' } | { state: 'failed'; code: MessageFailed['code']; error: string }

export interface NewEntry {
  id: string
  chat: string
  phone: string
  body: Uint8Array
  batch?: { id: string; index: number }
}

/** As many messages may be on the wire unacknowledged: the bound of what a crash makes the server see twice. */
const WINDOW = 4
/** More than a day's worth of one account at its pace: whoever queues more is told, not kept waiting for days. */
const FULL = 20_000
const FULL_RETRY_MS = 60_000
/** A server that acknowledges nothing for so long is not there any more. */
const ACK_TIMEOUT_MS = 30_000
/** How often a message that could not be written or was refused for the moment is tried again, and after how long. */
const TRIES = 5
const TRY_AGAIN_MS = 5_000
/** Acks with these codes say "not now". */
const NOT_NOW = new Set(['408', '429', '500', '503'])

/** What one account accepted must not be sent by another that the session was linked to later. */
const OTHER_ACCOUNT: Outcome & { state: 'failed' } = {
  state: 'failed',
  code: 'WHATSAPP_REJECTED',
  error: 'The session is linked to another account now.',
}

export interface OutboxOptions {
  session: string
  store: Store
  pacer: Pacer
  inbox: Inbox
  account: () => Account | null
  logger: Logger
  /** Something was committed that others may want to read. */
  committed(): void
}

/**
 * Accepted messages of one session: written first, then sent, settled by WhatsApp's own ack, sent again under the same
 * id until then. Within a chat the order of acceptance holds.
 */
export class Outbox {
  readonly #options: OutboxOptions
  /** Not on the wire, by chat, in order. */
  readonly #waiting = new Map<string, rows.OutboxEntry[]>()
  readonly #onWire = new Map<string, { entry: rows.OutboxEntry; timer: NodeJS.Timeout }>()
  /** How many urgent tickets each chat has, not yet used. */
  readonly #urgent = new Map<string, number>()
  readonly #tries = new Map<string, number>()
  readonly #askers = new Map<string, ((outcome: Outcome) => void)[]>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #wire: Wire | undefined
  #slots: (() => void)[] = []
  /** How many messages are neither sent nor given up, once it was counted. */
  #unsettled: number | undefined

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** Writes the messages, all or none, and lets them wait for their turn. */
  async accept(entries: readonly NewEntry[], priority: Priority): Promise<void> {
    const now = Date.now()
    const { session, store } = this.#options
    const account = this.#options.account()?.phone ?? ''
    const counted = this.#unsettled ?? (await store.read(() => rows.waiting(session))).count
    this.#unsettled ??= counted
    if (this.#unsettled + entries.length > FULL) {
      const message = `${this.#unsettled} messages wait already; at most ${FULL} may.`
      throw new WamuxError('OUTBOX_FULL', message, { limit: FULL, retryAfterMs: FULL_RETRY_MS })
    }
    this.#unsettled += entries.length
    const accepted = await store
      .write(function* () {
        const done: rows.OutboxEntry[] = []
        for (const { id, chat, phone, body, batch } of entries) {
          const place = { batch: batch?.id ?? null, batchIndex: batch?.index ?? null }
          const times = { acceptedAt: now, deadline: now + SEND_DEADLINE_MS }
          done.push(yield* rows.accept(session, { id, account, chat, phone, body, relay: '{}', ...place, ...times }))
        }
        return done
      })
      .catch((error: unknown) => {
        this.#unsettled = undefined // counted again
        throw error
      })
    if (this.#wire) for (const entry of accepted) this.#enqueue(entry, priority)
  }

  /** Resolves when the message is settled. */
  outcome(id: string): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#askers.set(id, [...(this.#askers.get(id) ?? []), resolve])
    })
  }

  /** Nobody waits for this one any more: it was not accepted. */
  forget(id: string): void {
    this.#askers.delete(id)
  }

  /** A connection is open: everything unsettled goes out again, in order, under the same ids. */
  async attach(wire: Wire): Promise<void> {
    const { session, store } = this.#options
    this.#wire = wire
    const unsettled = await store.read(() => rows.unsettled(session))
    if (this.#wire !== wire) return
    this.#waiting.clear()
    this.#unsettled = unsettled.length
    const phone = this.#options.account()?.phone
    for (const entry of unsettled) {
      if (entry.account === phone) this.#enqueue(entry, entry.batch === null ? 'single' : 'bulk')
      else await this.#failed(entry, OTHER_ACCOUNT)
    }
  }

  /** The connection is gone: what it had on the wire is unsettled, and waits for the next. */
  detach(): void {
    this.#wire = undefined
    for (const { timer } of this.#onWire.values()) clearTimeout(timer)
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.#onWire.clear()
    this.#waiting.clear()
    for (const free of this.#slots.splice(0)) free()
  }

  /** WhatsApp's server answered for a message. */
  acked(id: string, error: string | undefined, timestamp: number): void {
    const onWire = this.#onWire.get(id)
    if (!onWire) return // a second ack, or one for something that is not ours to settle
    this.#offWire(id)
    if (error === undefined) return void this.#report(this.#sent(onWire.entry, timestamp), 'settling a message')
    if (NOT_NOW.has(error) && this.#tryAgain(onWire.entry)) return
    const failure: Outcome = { state: 'failed', code: codeOf(error), error: `WhatsApp refused the message (${error}).` }
    this.#report(this.#failed(onWire.entry, failure), 'settling a refused message')
  }

  #enqueue(entry: rows.OutboxEntry, priority: Priority): void {
    const { chat } = entry
    const queue = this.#waiting.get(chat) ?? []
    this.#waiting.set(chat, queue)
    queue.push(entry)
    if (priority === 'bulk') {
      this.#options.pacer.run(() => this.#ticket(chat), 'bulk')
      return
    }
    // A ticket sends the first message that waits in its chat. When an urgent message has others of its chat before it,
    // they go first and just as urgently, so that the order in the chat holds; their own tickets then find nothing.
    for (let urgent = this.#urgent.get(chat) ?? 0; urgent < queue.length; urgent++) this.#urgently(chat)
  }

  #urgently(chat: string): void {
    this.#urgent.set(chat, (this.#urgent.get(chat) ?? 0) + 1)
    this.#options.pacer.run(() => {
      const left = (this.#urgent.get(chat) ?? 1) - 1
      if (left > 0) this.#urgent.set(chat, left)
      else this.#urgent.delete(chat)
      return this.#ticket(chat)
    }, 'single')
  }

  /** Says whether something was sent, so that the next waits for a gap. */
  async #ticket(chat: string): Promise<boolean> {
    while (this.#wire && this.#onWire.size >= WINDOW) await new Promise<void>((free) => this.#slots.push(free))
    const wire = this.#wire
    const entry = wire && this.#waiting.get(chat)?.shift()
    if (!wire || !entry) return false
    if (this.#waiting.get(chat)?.length === 0) this.#waiting.delete(chat)
    try {
      if (entry.deadline <= Date.now()) {
        await this.#failed(entry, { state: 'failed', code: 'EXPIRED', error: 'The message could not be sent in time.' })
        return false
      }
      if (!(await wire.exists(entry.chat))) {
        const error = `${entry.phone} has no WhatsApp account.`
        await this.#failed(entry, { state: 'failed', code: 'NOT_ON_WHATSAPP', error })
        return false
      }
      if (this.#wire !== wire) return false
      this.#toWire(entry, wire)
      await wire.send(entry)
      return true
    } catch (error) {
      this.#offWire(entry.id)
      // Without a connection, or a store, the row just stays: the next connection sends it.
      if (this.#wire !== wire || isOfConnection(error) || this.#tryAgain(entry)) return false
      this.#options.logger.warn({ error, session: this.#options.session, id: entry.id }, 'a message could not be sent')
      const failure: Outcome = {
        state: 'failed',
        code: 'WHATSAPP_REJECTED',
        error: 'The message could not be encrypted.',
      }
      this.#report(this.#failed(entry, failure), 'settling a message that could not be sent')
      return true
    }
  }

  #toWire(entry: rows.OutboxEntry, wire: Wire): void {
    const timer = setTimeout(() => wire.lost(`no ack for ${ACK_TIMEOUT_MS} ms`), ACK_TIMEOUT_MS)
    this.#onWire.set(entry.id, { entry, timer })
  }

  #offWire(id: string): void {
    clearTimeout(this.#onWire.get(id)?.timer)
    this.#onWire.delete(id)
    this.#slots.shift()?.()
  }

  /** Lets a message wait and go again, before everything else in its chat; false when it was tried often enough. */
  #tryAgain(entry: rows.OutboxEntry): boolean {
    const tries = (this.#tries.get(entry.id) ?? 0) + 1
    if (tries >= TRIES) return false
    this.#tries.set(entry.id, tries)
    const queue = this.#waiting.get(entry.chat) ?? []
    this.#waiting.set(entry.chat, queue)
    queue.unshift(entry)
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#urgently(entry.chat)
    }, TRY_AGAIN_MS * tries)
    this.#timers.add(timer)
    return true
  }

  async #sent(entry: rows.OutboxEntry, timestamp: number): Promise<void> {
    const { session, inbox, account } = this.#options
    const { type, body } = readBody(entry.body)
    await this.#settle(entry, { state: 'sent' }, function* () {
      if (!(yield* rows.settle(session, entry.id, 'sent', null))) return
      const contact = yield* contactOf(session, entry.chat)
      const chat = contact ? contacts.chatOf(contact) : entry.chat
      const known = yield* rows.byId(session, entry.id)
      const ack = Math.max(ACK.server, known?.ack ?? 0)
      const message = { chat, sender: 'me', id: entry.id, timestamp, body, type, raw: entry.body }
      const kept = { ...message, contact: contact?.n ?? null, isFromMe: true, ack, unread: false }
      yield* history.record(session, kept, contact?.n ?? null)
      const names = {
        name: contact?.name ?? null,
        pushname: contact?.pushname ?? null,
        phone: contact?.phone ?? null,
        lid: contact?.lid ?? null,
      }
      const told = toMessage({ ...message, ...names, n: 0, is_from_me: 1, ack: ACK.server }, account())
      yield* journal.append(session, 'message_sent', chat, timestamp, told)
      // A receipt overtook the ack.
      if (ack > ACK.server) yield* inbox.acked(chat, entry.id, ack, timestamp)
    })
  }

  async #failed(entry: rows.OutboxEntry, outcome: Outcome & { state: 'failed' }): Promise<void> {
    const { session } = this.#options
    const { code, error } = outcome
    await this.#settle(entry, outcome, function* () {
      if (!(yield* rows.settle(session, entry.id, code === 'EXPIRED' ? 'expired' : 'failed', code))) return
      const timestamp = Date.now()
      const data = { id: entry.id, chatId: entry.chat, code, error, timestamp }
      yield* journal.append(session, 'message_failed', entry.chat, timestamp, data)
    })
  }

  async #settle(entry: rows.OutboxEntry, outcome: Outcome, work: () => Work<void>): Promise<void> {
    const { store, committed } = this.#options
    await (this.#wire ? this.#wire.settle(entry.id, work) : store.write(work))
    this.#tries.delete(entry.id)
    if (this.#unsettled) this.#unsettled--
    const askers = this.#askers.get(entry.id) ?? []
    this.#askers.delete(entry.id)
    for (const answer of askers) answer(outcome)
    committed()
  }

  #report(work: Promise<void>, what: string): void {
    work.catch((error: unknown) => this.#options.logger.error({ error, session: this.#options.session }, what))
  }
}

const isOfConnection = (error: unknown): boolean =>
  isWamuxError(error, 'WHATSAPP_DISCONNECTED') || isWamuxError(error, 'STOPPING') || isWamuxError(error, 'STORE_FAILED')

function* contactOf(session: string, chat: string): Work<contacts.ContactRow | null> {
  const kind = chatKind(chat)
  if (kind === 'person') return yield* contacts.learn(session, { phone: userOf(chat) })
  if (kind === 'lid') return yield* contacts.learn(session, { lid: userOf(chat) })
  return null
}

/** WhatsApp's error codes in acks, as far as they are known. */
function codeOf(error: string): MessageFailed['code'] {
  if (error === '463') return 'WHATSAPP_RESTRICTED'
  if (error === '404') return 'NOT_ON_WHATSAPP'
  return 'WHATSAPP_REJECTED'
}
