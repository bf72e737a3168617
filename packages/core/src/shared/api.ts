import type { EventsOptions, JournalEnvelope } from './events.ts'
import type { Chat, Contact, ListOptions, Message, NumberCheck, Page } from './message.ts'
import type { Batch, BulkItem, BulkOptions, OutgoingMessage, SendOptions, SentMessage } from './sending.ts'
import type { LinkingQr, PairingCode, SessionInfo } from './session.ts'

/**
 * Everything a session can do both inside a process (`manager.get(id)`) and over HTTP (`client.session(id)`).
 * Every method rejects with a `WamuxError` whose `code` is the same on both sides.
 */
export interface SessionApi {
  readonly id: string
  info(): Promise<SessionInfo>
  /** Connects, or begins linking when there is no account. Does nothing when already running. */
  start(): Promise<void>
  /** Closes the connection and keeps it closed, over restarts too. What was accepted stays queued. */
  stop(): Promise<void>
  restart(): Promise<void>
  /**
   * Unlinks the account, which only WhatsApp can do. Credentials are archived, history stays.
   * @throws WHATSAPP_DISCONNECTED unless the session is ready: then nothing has changed. One that can no longer become
   *   ready can be removed, and the phone's owner unlinks the device
   */
  logout(): Promise<void>
  /** @throws NOT_LINKING when nobody can scan now, LINKING_EXPIRED when nobody did in time. */
  qr(): Promise<LinkingQr>
  /** @throws NOT_LINKING, INVALID_INPUT */
  pairingCode(phone: string): Promise<PairingCode>
  /**
   * Sends a text. Resolves with `sent` once WhatsApp's server has it, with `queued` when that takes longer than the
   * wait of 8 s; a queued message is on disk and goes out under the same id, after a restart too. With a `sendAt` that
   * is to come, or with `typing`, it resolves at once.
   * @throws INVALID_INPUT, WHATSAPP_DISCONNECTED (nothing is queued), WHATSAPP_REJECTED, NOT_ON_WHATSAPP, OUTBOX_FULL;
   *   IDEMPOTENCY_MISMATCH when the key was used for something else, IDEMPOTENCY_IN_PROGRESS while that call still runs
   */
  send(phone: string, message: string, options?: SendOptions): Promise<SentMessage>
  /** Queues 1–1,000 texts, all or none. Single sends overtake them. @throws what {@link send} throws at once */
  sendBulk(messages: readonly BulkItem[], options?: BulkOptions): Promise<Batch>
  /** @throws NOT_FOUND */
  batch(batchId: string): Promise<Batch>
  /**
   * Holds a batch up, over restarts too: what is on its way is sent, what waits stays `queued` and does not expire.
   * Other messages of the same chats pass it. A batch that is paused already, done or cancelled stays as it is.
   * @throws NOT_FOUND
   */
  pauseBatch(batchId: string): Promise<Batch>
  /** Lets a batch go on; what waits has 24 h from here on, or from its `sendAt`. @throws NOT_FOUND */
  resumeBatch(batchId: string): Promise<Batch>
  /**
   * Calls off what waits of a batch: it becomes `cancelled`, which is final and makes no event. What is on its way is
   * sent. @throws NOT_FOUND
   */
  cancelBatch(batchId: string): Promise<Batch>
  chats(options?: ListOptions): Promise<Page<Chat>>
  messages(chatId: string, options?: ListOptions): Promise<Page<Message>>
  recentMessages(options?: ListOptions): Promise<Page<Message>>
  /**
   * One message of a chat. `sender` is a chat id, or `me`; it is needed only where two people chose the same id.
   * @throws NOT_FOUND, INVALID_CHAT_ID
   */
  chatMessage(chatId: string, messageId: string, sender?: string): Promise<Message>
  /** How far a message got that was sent through wamux. @throws NOT_FOUND */
  message(messageId: string): Promise<OutgoingMessage>
  /**
   * Calls one message off that waits, for whatever it waits: it becomes `cancelled`, which is final and makes no event. One
   * that is cancelled already stays as it is.
   * @throws NOT_FOUND, TOO_LATE when it is on its way, or settled
   */
  cancelMessage(messageId: string): Promise<OutgoingMessage>
  checkNumber(phone: string): Promise<NumberCheck>
  /** @throws NOT_ON_WHATSAPP */
  contact(phone: string): Promise<Contact>
  /**
   * The journal from a place on, in order, and then every event as it happens: whoever keeps the `seq` of the last one
   * it has dealt with misses nothing and gets nothing twice, over restarts of either side.
   *
   * ```ts
   * for await (const { event, seq, data } of session.events({ after: lastSeq })) { … }
   * ```
   *
   * @throws INVALID_INPUT for a place past the newest event, EVENTS_PRUNED for one that is no longer kept, STOPPING
   *   when the session ends
   */
  events(options?: EventsOptions): AsyncIterableIterator<JournalEnvelope>
}
