import type { Message } from './message.ts'
import type { FailureReason, PairingCode, SessionState } from './session.ts'

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

export interface AccountRestricted {
  /**
   * Messages that would begin a chat wait until then, in ms since the epoch: WhatsApp's word, or an hour when it has
   * none. Null: it was lifted before its time, and what waited goes.
   */
  until: number | null
  /** WhatsApp's word for why, such as `BIZ_QUALITY` or `WEB_COMPANION_ONLY`, when it has one. */
  reason: string | null
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
  /** A message arrived that could not be decrypted; a resend was asked for where that can help. */
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
  /** WhatsApp lets the account begin no chats for now. It goes on with those that it has. */
  account_restricted: AccountRestricted
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
