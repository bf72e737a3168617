import type { MessageFailed } from './events.ts'

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
  /**
   * The recipient sees somebody type before it comes, for one to five seconds by its length. Nobody waits for that: the
   * message is answered as `queued`. Default: the setting `typing`.
   */
  typing?: boolean
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
  /** Of a group: how many of its members have it, have read it, have played it, as far as they tell. Else null. */
  reached: Reached | null
}

export interface Reached {
  delivered: number
  read: number
  played: number
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
 * hour. `new_chat_limit`: enough people were written to for the first time for a day. `account_restricted`: WhatsApp lets
 * the account begin no chats, and this one would be. `next_try`: it could not go, which the log explains, and is tried again.
 */
export type WaitsFor = 'send_at' | 'batch' | 'recipient_limit' | 'new_chat_limit' | 'account_restricted' | 'next_try'
