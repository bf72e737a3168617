/**
 * What the SDK, the server and the HTTP client mean by the same words. Types only and without imports: the client's
 * generated file carries a copy of this one, so that `Session` and `client.session(id)` satisfy the same interface.
 */

/** Where a session is in its life. `failed` comes with a {@link FailureReason}, `waiting` with a time to retry. */
export type SessionState = 'stopped' | 'connecting' | 'linking' | 'ready' | 'waiting' | 'logged_out' | 'failed'

/** Why a session is `failed`. Nothing but a new `start()` (or, for `STORE_FAILED`, a store that works again) ends it. */
export type FailureReason =
  | 'REPLACED'
  | 'BANNED'
  | 'OUTDATED'
  | 'LINKING_EXPIRED'
  | 'STORE_FAILED'
  | 'CREDENTIALS_UNREADABLE'

/** The WhatsApp account that a session is linked to. */
export interface Account {
  /** Digits, international, no plus: `491234567890`. */
  phone: string
  /** The account's hidden id, `…@lid`, once WhatsApp has told it. */
  lid: string | null
  name: string
}

export interface SessionInfo {
  id: string
  name: string
  state: SessionState
  /** Set while `state` is `failed`. */
  reason: FailureReason | null
  /** When the next connection is tried while `state` is `waiting`, or a ban ends; ms since the epoch. */
  retryAt: number | null
  account: Account | null
  createdAt: number
}

/** The QR that a phone scans now; `qr` is null while WhatsApp has not sent one yet. */
export interface LinkingQr {
  qr: string | null
  /** ms since the epoch; null together with `qr`. */
  expiresAt: number | null
}

/** Eight letters to be typed on the phone, and until when. */
export interface PairingCode {
  code: string
  expiresAt: number
}

export type MessageType =
  | 'text'
  | 'image'
  | 'video'
  | 'audio'
  | 'voice'
  | 'document'
  | 'sticker'
  | 'location'
  | 'contact'
  | 'poll'
  | 'event'
  | 'unknown'

/** How far a sent message got. */
export type Ack = 'server' | 'delivered' | 'read' | 'played'

export interface Message {
  /** WhatsApp's id: unique together with chat and sender, never alone. */
  id: string
  chatId: string
  /** Who wrote it; in a group the group's id, with the person in `author`. */
  from: string
  /** The person who wrote it in a group, else null. */
  author: string | null
  /** The text or caption; `""` when there is none. */
  body: string
  isFromMe: boolean
  /** Name, else push name, else number of the person on the other side. */
  contactName: string
  /** ms since the epoch. */
  timestamp: number
  type: MessageType
  /** Own messages only, else null. */
  ack: Ack | null
  /** In the event only: the message was told as `message_undecryptable` before, and could be read when it was resent. */
  recovered?: true
}

/** A chat's newest message, as the list of chats shows it. */
export interface LastMessage {
  id: string
  body: string
  timestamp: number
  isFromMe: boolean
  contactName: string
  type: MessageType
}

export interface Chat {
  chatId: string
  name: string
  lastMessage: LastMessage | null
  messageCount: number
  unreadCount: number
}

export interface Contact {
  id: string
  name: string
  pushname: string
  /** Digits; `""` for somebody of whom only the hidden id is known. */
  number: string
  isBlocked: boolean
  isBusiness: boolean
}

export interface NumberCheck {
  phone: string
  registered: boolean
  whatsappId: string | null
}

/** One page of a list, newest first; `nextCursor` is null on the last page. */
export interface Page<T> {
  data: T[]
  nextCursor: string | null
}

export interface ListOptions {
  /** 1–500, default 50. */
  limit?: number
  /** `nextCursor` of the page before. */
  cursor?: string
}

export interface SentMessage {
  messageId: string
  phone: string
  /** `sent`: WhatsApp's server has it. `queued`: accepted, on disk, and will be sent. */
  status: 'sent' | 'queued'
}

/** Whose turn comes first among what waits. Within a chat the order of acceptance holds whatever the priorities are. */
export type Priority = 'high' | 'normal' | 'low'

export interface WhenToSend {
  /**
   * Not before this time, in ms since the epoch, up to a year ahead. The message is accepted now, kept over restarts,
   * and has 24 h from then on. Left out: as soon as possible.
   */
  sendAt?: number
  /** Default: `normal`, and `low` for the messages of a batch. */
  priority?: Priority
}

export interface BulkOptions {
  /**
   * 1–255 visible ASCII characters. A call that is made again with the same key within 24 h does nothing and is answered
   * as the first one was, over restarts too. A call that was refused before anything was accepted has not used its key.
   */
  idempotencyKey?: string
}

export interface SendOptions extends BulkOptions, WhenToSend {}

export interface BulkItem extends WhenToSend {
  phone: string
  message: string
}

export type BatchStatus = 'queued' | 'sent' | 'delivered' | 'read' | 'failed' | 'expired' | 'cancelled'

/** `paused`: nothing more of it is sent until it is resumed. `cancelled`: what waited is not sent; final. */
export type BatchState = 'running' | 'paused' | 'cancelled'

export interface BatchEntry {
  index: number
  phone: string
  messageId: string
  status: BatchStatus
}

export interface Batch {
  batchId: string
  total: number
  messages: BatchEntry[]
  /** How many messages are in each status. */
  counts: Record<BatchStatus, number>
  state: BatchState
}

/** A message that was sent through wamux, and how far it got. */
export interface OutgoingMessage {
  messageId: string
  /** As the answer to the send showed it. */
  phone: string
  chatId: string
  status: BatchStatus
  /** Why it failed, while `status` is `failed` or `expired`. */
  code: MessageFailed['code'] | null
  /** When it was accepted, in ms since the epoch. */
  acceptedAt: number
  /** Before this time it is not sent; null: as soon as possible. */
  sendAt: number | null
  priority: Priority
  /** What holds it up while it is `queued`, besides its turn and the connection; null when nothing does. */
  waitsFor: WaitsFor | null
  /** When that is over as far as is known, in ms since the epoch. */
  waitsUntil: number | null
  /** Every step up to now, the oldest first. */
  timeline: SendStep[]
}

/** One step of a message that was sent through wamux. */
export interface SendStep {
  /**
   * `queued`: accepted, and on disk. `on_wire`: written to the connection; a connection that is lost before the answer
   * takes it back. `server`: WhatsApp's server has it. `delivered`, `read`, `played`: the recipient; in a group the
   * first of them. A step that nobody told of is left out: somebody may read what was never said to be delivered.
   */
  state: 'queued' | 'on_wire' | 'server' | 'delivered' | 'read' | 'played' | 'failed' | 'expired' | 'cancelled'
  /** ms since the epoch; from `server` on by WhatsApp's clock, which counts seconds. Never before the step before it. */
  at: number
}

/**
 * `send_at`: the time that was named. `batch`: its batch is paused. `recipient_limit`: enough was sent to this chat for an
 * hour. `new_chat_limit`: enough people were written to for the first time for a day.
 */
export type WaitsFor = 'send_at' | 'batch' | 'recipient_limit' | 'new_chat_limit'

export interface MessageAck {
  id: string
  chatId: string
  from: string
  isFromMe: true
  ack: 'delivered' | 'read' | 'played'
  ackCode: 2 | 3 | 4
  timestamp: number
}

export interface Ready {
  phone: string
  lid: string | null
  name: string
  timestamp: number
}

export interface MessageFailed {
  id: string
  chatId: string
  code: 'WHATSAPP_REJECTED' | 'WHATSAPP_RESTRICTED' | 'NOT_ON_WHATSAPP' | 'EXPIRED'
  error: string
  timestamp: number
}

export interface MessageStalled {
  id: string
  chatId: string
  /** `on_wire`: WhatsApp's server has not answered yet. */
  state: 'queued' | 'on_wire'
  acceptedAt: number
  timestamp: number
}

export interface MessageUndecryptable {
  id: string
  chatId: string
  from: string
  author: string | null
  timestamp: number
}

/** What somebody did to a message that is there already. */
export interface MessageChange {
  /** Of the change itself. */
  id: string
  /** The message that it is about. */
  messageId: string
  /** Who wrote that message, as {@link SessionApi.chatMessage} takes it: a chat id, or `me`. */
  messageSender: string
  chatId: string
  /** Who did it; in a group the group's id, with the person in `author`. */
  from: string
  author: string | null
  /** It was done on the phone, or another device of the account. */
  isFromMe: boolean
  timestamp: number
}

export interface MessageEdited extends MessageChange {
  /** What the message says now. */
  body: string
}

/** Taken back for everybody, by who wrote it or by an admin of the group. */
export type MessageDeleted = MessageChange

export interface MessageReaction extends MessageChange {
  /** `""` when the reaction is taken back. */
  emoji: string
}

export interface PollVote extends MessageChange {
  /** Everything that is picked now, in the order of the poll; null when the poll itself is not known here. */
  options: string[] | null
}

/** What came of the messages that WhatsApp had kept while nobody was connected. */
export interface CaughtUp {
  /** How many messages WhatsApp said it had kept; those that the account's own phone sends to its devices are among them. */
  announced: number
  /** How many of them came and are in the store, whatever they were; also those that were there before. */
  journalled: number
  timestamp: number
}

export interface LoggedOut {
  /** What WhatsApp said: `401`, `403`, `406`, or `requested` when the session logged itself out. */
  cause: string
  timestamp: number
}

export interface StateChanged {
  state: SessionState
  reason: FailureReason | null
  retryAt: number | null
  timestamp: number
}

export interface WebhookDisabled {
  webhookId: string
  name: string
  /** `gone`: it answered 410; `failing`: nothing was delivered for five days. */
  reason: 'gone' | 'failing'
  timestamp: number
}

/** What is written to the journal of a session, by name. A person who missed one can read it later. */
export interface JournalEvents {
  /** Once per new message that wamux did not send; `isFromMe` when it was typed on the phone. */
  message: Message
  /** WhatsApp's server has the message. */
  message_sent: Message
  /** Delivered, read or played: each step once, never back. */
  message_ack: MessageAck
  /** The message will not be sent; final. */
  message_failed: MessageFailed
  /** A message waits to be sent for longer than it should; once per message, which goes out as soon as it can. */
  message_stalled: MessageStalled
  /** A message arrived that could not be decrypted; a resend was asked for. */
  message_undecryptable: MessageUndecryptable
  /** Its author changed a message. The history keeps it as it came. */
  message_edited: MessageEdited
  /** A message was taken back for everybody. The history keeps it. */
  message_deleted: MessageDeleted
  /** Somebody reacted to a message, instead of with what they reacted before. */
  message_reaction: MessageReaction
  /** Somebody voted on a poll, instead of what they voted before. */
  poll_vote: PollVote
  /** A connection is open. */
  ready: Ready
  /** Once per connection, after all that WhatsApp had kept has come. */
  caught_up: CaughtUp
  /** The account is no longer linked. Its credentials are kept for 30 days. */
  logged_out: LoggedOut
  /** The server tells a webhook nothing any more: its receiver is gone, or has taken nothing for days. */
  webhook_disabled: WebhookDisabled
}

/** What is only true at this moment: told to listeners, not journalled. */
export interface LiveEvents {
  state: StateChanged
  /** A new QR. Whoever scans it links the account: treat it as a secret. */
  qr: { qr: string; expiresAt: number }
  pairing_code: PairingCode
}

export type EventName = keyof JournalEvents | keyof LiveEvents
export type EventData<E extends EventName> = (JournalEvents & LiveEvents)[E]

export interface EventEnvelope<E extends EventName = EventName> {
  /** Stable over every retry: the `webhook-id`. */
  id: string
  event: E
  sessionId: string
  /** The event's place in its session's journal, dense from 1; null for live events. */
  seq: number | null
  timestamp: number
  data: EventData<E>
}

/** An event that is in the journal; `event` decides the type of `data`. */
export type JournalEnvelope = {
  [E in keyof JournalEvents]: {
    /** Stable over every retry and every way it is told. */
    id: string
    event: E
    sessionId: string
    /** The event's place in its session's journal, dense from 1: where to go on after it. */
    seq: number
    timestamp: number
    data: JournalEvents[E]
  }
}[keyof JournalEvents]

export interface EventsOptions {
  /** Begins after this `seq`; 0 is the oldest that is kept. Default: with the next event. */
  after?: number
  /** Only these events; all by default. */
  events?: readonly (keyof JournalEvents)[]
  /** Ends the iteration. */
  signal?: AbortSignal
}

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
   * is to come it resolves at once.
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

/** What can go wrong, and the facts that come with it. The same codes in the SDK, on the wire and in the client. */
export interface ErrorDetails {
  INVALID_INPUT: { issues: { path: string; message: string }[] }
  INVALID_CHAT_ID: { chatId: string }
  URL_NOT_ALLOWED: { url: string; setting: string }
  UNAUTHENTICATED: undefined
  FORBIDDEN: undefined
  WHATSAPP_RESTRICTED: { until: number | null }
  INSTANCE_NOT_FOUND: { id: string }
  NOT_FOUND: undefined
  INSTANCE_EXISTS: { id: string }
  PORT_IN_USE: { port: number }
  NOT_LINKING: { state: SessionState }
  IDEMPOTENCY_IN_PROGRESS: undefined
  LINKING_EXPIRED: undefined
  /** `oldest`: the first `seq` that is still kept. */
  EVENTS_PRUNED: { oldest: number }
  MEDIA_UNAVAILABLE: undefined
  PAYLOAD_TOO_LARGE: { limit: number }
  MEDIA_TOO_LARGE: { limit: number }
  NOT_ON_WHATSAPP: { phone: string }
  IDEMPOTENCY_MISMATCH: undefined
  RATE_LIMITED: { retryAfterMs: number }
  OUTBOX_FULL: { limit: number; retryAfterMs: number }
  INTERNAL: undefined
  CREDENTIALS_UNREADABLE: { id: string }
  WHATSAPP_REJECTED: { code: string; messageId: string | null }
  WHATSAPP_DISCONNECTED: { state: SessionState }
  STOPPING: undefined
  SETUP_REQUIRED: undefined
  STORE_FAILED: undefined
  WHATSAPP_TIMEOUT: undefined
}

export type ErrorCode = keyof ErrorDetails
