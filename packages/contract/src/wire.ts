import type {
  Batch,
  BulkItem,
  Chat,
  Contact,
  ErrorCode,
  EventData,
  JournalEvents,
  LinkingQr,
  ListOptions,
  Message,
  NumberCheck,
  OutgoingMessage,
  PairingCode,
  SentMessage,
  SessionInfo,
  SessionState,
  WhenToSend,
} from '@wamux/core'

/*
 * What is said only on the wire, beside the shared types: types only, because the client's generated file carries a
 * copy of this one. The schemas are compared with it by the compiler (see check.ts), so that neither can drift.
 */

/** A session as the REST API shows it. */
export interface Instance extends SessionInfo {
  /** The port that serves this instance's contact routes, or null. */
  port: number | null
}

export interface CreatedInstance extends Instance {
  /** Shown this once: only its hash is stored. */
  apiKey: string
}

export interface CreateInstance {
  /** `[A-Za-z0-9_-]{1,64}`; a UUID by default. */
  id?: string
  name?: string
  port?: number
}

export interface UpdateInstance {
  name?: string
  /** null closes the port. */
  port?: number | null
}

export interface Login {
  username: string
  password: string
}

export interface Setup extends Login {
  /** The one-time token that the server printed at its first start. */
  token: string
}

export interface AdminToken {
  token: string
  /** ms since the epoch. */
  expiresAt: number
}

export interface ApiKey {
  id: string
  createdAt: number
  revokedAt: number | null
}

export interface CreatedApiKey {
  id: string
  /** Shown this once: only its hash is stored. */
  apiKey: string
  createdAt: number
}

export interface WebhookSettings {
  url: string
  /** 1–256 characters; `whsec_…` is base64, anything else its UTF-8 bytes. Without it deliveries are unsigned. */
  secret?: string
}

export interface Webhook {
  url: string
  hasSecret: boolean
}

/** One of several webhooks of an instance. */
export interface CreateWebhook {
  url: string
  /** Default: the URL's host. */
  name?: string
  /** Only these events; all by default. */
  events?: (keyof JournalEvents)[] | null
  /** Sent with every delivery; up to 20. Those that HTTP or the signature needs cannot be set. */
  headers?: Record<string, string>
  /** As in {@link WebhookSettings}. Left out, one is made; with null deliveries are unsigned. */
  secret?: string | null
  enabled?: boolean
}

/** What is left out stays. */
export interface UpdateWebhook {
  url?: string
  name?: string
  /** null: all. */
  events?: (keyof JournalEvents)[] | null
  /** Replaces all of them. */
  headers?: Record<string, string>
  /** With null deliveries are unsigned. Changes at once: rotate-secret is for receivers that must not miss any. */
  secret?: string | null
  /** A webhook that is not enabled gets nothing and keeps its place. */
  enabled?: boolean
}

export interface InstanceWebhook {
  /** `default` is the one of the route without an id. */
  id: string
  name: string
  url: string
  /** null: all. */
  events: (keyof JournalEvents)[] | null
  /** The names of the headers that are added; their values may be secrets. */
  headerNames: string[]
  enabled: boolean
  /** Why it was disabled without anybody asking: `gone` after a 410, `failing` after five days. */
  disabledReason: 'gone' | 'failing' | null
  /** Since when no delivery has worked, in ms since the epoch; null while they work. */
  failingSince: number | null
  hasSecret: boolean
  /** Until when the secret before this one signs too, in ms since the epoch, or null. */
  oldSecretUntil: number | null
  /** Up to this `seq` events were taken for delivery. */
  cursor: number
  createdAt: number
}

export interface CreatedWebhook extends InstanceWebhook {
  /** Shown this once, or null when deliveries are unsigned. */
  secret: string | null
}

/** One HTTP try. */
export interface WebhookAttempt {
  /** When it began, in ms since the epoch. */
  at: number
  durationMs: number
  /** What the receiver answered, null when it did not. */
  status: number | null
  /** Null when it worked. */
  error: string | null
}

export interface WebhookTest extends WebhookAttempt {
  /** The event that was sent. */
  eventId: string
}

/** One event for one webhook. */
export interface WebhookDelivery {
  /** The `webhook-id` of its attempts. */
  eventId: string
  event: keyof JournalEvents
  /** The event's place in its instance's journal. */
  seq: number
  /** The chat in whose order it is delivered, or null. */
  chatId: string | null
  /** `dead`: given up after the schedule. */
  state: 'pending' | 'done' | 'dead'
  /** How many of the schedule's attempts have failed. */
  failures: number
  /** When it first failed, in ms since the epoch, or null. Ten minutes later it holds its chat no longer. */
  failedAt: number | null
  /** When the next attempt is due, in ms since the epoch; null when there will be none. */
  nextAttemptAt: number | null
  /** When it was delivered or given up, or null. */
  settledAt: number | null
  lastAttempt: WebhookAttempt | null
}

export interface WebhookDeliveryDetails extends WebhookDelivery {
  /** The newest 20, the oldest of them first. */
  attempts: WebhookAttempt[]
  /** What is sent, or null when the event is no longer in the journal. */
  content: WebhookEvent | null
}

export interface DeliveriesQuery extends ListOptions {
  state?: WebhookDelivery['state']
}

/**
 * Which events a webhook is told of once more, out of those it wants; all that is given must be true of one, and at
 * least one of `ids`, `after`, `since`, `until` and `state` is given.
 */
export interface Replay {
  /** Up to 500, of deliveries that there are; with nothing else beside it. */
  ids?: string[]
  /** Those after the event with this `seq`; 0 is the oldest that is kept. */
  after?: number
  /** Whose timestamp is this or later, in ms since the epoch. */
  since?: number
  /** Whose timestamp is earlier than this. */
  until?: number
  events?: (keyof JournalEvents)[]
  /** Whose delivery is in this state: `dead` is what was given up. */
  state?: WebhookDelivery['state']
}

export interface Replayed {
  /** How many events are delivered once more. */
  count: number
}

export interface RotateSecret {
  /** Left out, one is made. */
  secret?: string
  /** How long the old secret signs too: 0 to 604,800 s, a day by default. */
  overlapSeconds?: number
}

export interface RotatedSecret {
  /** Shown this once. */
  secret: string
  /** In ms since the epoch; null when there was none before, or it ends at once. */
  oldSecretUntil: number | null
}

export interface SendMessage extends WhenToSend {
  phone: string
  message: string
}

export interface SendBulk {
  messages: BulkItem[]
}

export interface PairingRequest {
  phone: string
}

export interface Health {
  status: 'ok'
  version: string
  /** With the admin token only. */
  sessions?: Record<SessionState, number>
  /** With the admin token only: messages that are accepted and not sent yet. */
  queue?: { depth: number; oldestAt: number | null }
  /** With the admin token only: faults that would have ended the process; the log has each. Counted from its start. */
  unhandledRejections?: number
}

/** An event as webhooks carry it: the SDK's envelope, with `instanceId` for `sessionId`. */
export interface WireEnvelope<E extends keyof JournalEvents> {
  /** Stable over every retry; equal to the `webhook-id` header. */
  id: string
  event: E
  instanceId: string
  /** The event's place in its instance's journal, dense from 1. */
  seq: number
  timestamp: number
  data: EventData<E>
}

/** What a webhook receives; `event` decides the type of `data`. */
export type WebhookEvent = { [E in keyof JournalEvents]: WireEnvelope<E> }[keyof JournalEvents]

/** Which part of a journal. */
export interface StreamQuery {
  after?: number
  events?: (keyof JournalEvents)[]
}

export interface EventsQuery extends StreamQuery {
  /** 1–500, default 50. */
  limit?: number
  /** Seconds, 0–60: how long to wait for the first event when there is none yet. */
  wait?: number
}

export interface ErrorBody {
  success: false
  error: string
  code: ErrorCode
  details?: unknown
  requestId: string
}

/** The instance that a path names. */
export interface InstancePath {
  id: string
}

/** The webhook that a path names. */
export interface WebhookPath extends InstancePath {
  webhookId: string
}

/** The delivery that a path names. */
export interface DeliveryPath extends WebhookPath {
  eventId: string
}

/** The person that a path names. */
export interface PhonePath {
  phone: string
}

/** What every route takes and what it answers under `data`. A route without `list` has no `nextCursor`. */
export interface Calls {
  health: { data: Health }
  openapi: { data: unknown }
  login: { body: Login; data: AdminToken }
  setup: { body: Setup; data: AdminToken }
  createInstance: { body: CreateInstance; data: CreatedInstance }
  listInstances: { query: ListOptions; data: Instance[]; list: true }
  getInstance: { params: InstancePath; data: Instance }
  updateInstance: { params: InstancePath; body: UpdateInstance; data: Instance }
  deleteInstance: { params: InstancePath; data: null }
  startInstance: { params: InstancePath; data: Instance }
  stopInstance: { params: InstancePath; data: Instance }
  restartInstance: { params: InstancePath; data: Instance }
  logoutInstance: { params: InstancePath; data: Instance }
  getQr: { params: InstancePath; query: { format?: 'json' | 'png' | 'svg' | 'text' }; data: LinkingQr }
  createPairingCode: { params: InstancePath; body: PairingRequest; data: PairingCode }
  createKey: { params: InstancePath; data: CreatedApiKey }
  listKeys: { params: InstancePath; query: ListOptions; data: ApiKey[]; list: true }
  revokeKey: { params: InstancePath & { keyId: string }; data: null }
  setWebhook: { params: InstancePath; body: WebhookSettings; data: Webhook }
  getWebhook: { params: InstancePath; data: Webhook }
  deleteWebhook: { params: InstancePath; data: null }
  createWebhook: { params: InstancePath; body: CreateWebhook; data: CreatedWebhook }
  listWebhooks: { params: InstancePath; query: ListOptions; data: InstanceWebhook[]; list: true }
  getInstanceWebhook: { params: WebhookPath; data: InstanceWebhook }
  updateWebhook: { params: WebhookPath; body: UpdateWebhook; data: InstanceWebhook }
  removeWebhook: { params: WebhookPath; data: null }
  rotateWebhookSecret: { params: WebhookPath; body: RotateSecret; data: RotatedSecret }
  testWebhook: { params: WebhookPath; data: WebhookTest }
  listDeliveries: { params: WebhookPath; query: DeliveriesQuery; data: WebhookDelivery[]; list: true }
  getDelivery: { params: DeliveryPath; data: WebhookDeliveryDetails }
  redeliver: { params: DeliveryPath; data: WebhookDelivery }
  replay: { params: WebhookPath; body: Replay; data: Replayed }
  listEvents: { params: InstancePath; query: EventsQuery; data: WebhookEvent[]; list: true }
  streamEvents: { params: InstancePath; query: StreamQuery; data: null }
  sendMessage: { body: SendMessage; data: SentMessage }
  sendBulk: { body: SendBulk; data: Batch }
  getBatch: { params: { batchId: string }; data: Batch }
  pauseBatch: { params: { batchId: string }; data: Batch }
  resumeBatch: { params: { batchId: string }; data: Batch }
  cancelBatch: { params: { batchId: string }; data: Batch }
  getMessage: { params: { messageId: string }; data: OutgoingMessage }
  cancelMessage: { params: { messageId: string }; data: OutgoingMessage }
  checkNumber: { params: PhonePath; data: NumberCheck }
  getContact: { params: PhonePath; data: Contact }
  sendInstanceMessage: { params: InstancePath; body: SendMessage; data: SentMessage }
  sendInstanceBulk: { params: InstancePath; body: SendBulk; data: Batch }
  getInstanceBatch: { params: InstancePath & { batchId: string }; data: Batch }
  pauseInstanceBatch: { params: InstancePath & { batchId: string }; data: Batch }
  resumeInstanceBatch: { params: InstancePath & { batchId: string }; data: Batch }
  cancelInstanceBatch: { params: InstancePath & { batchId: string }; data: Batch }
  getInstanceMessage: { params: InstancePath & { messageId: string }; data: OutgoingMessage }
  cancelInstanceMessage: { params: InstancePath & { messageId: string }; data: OutgoingMessage }
  checkInstanceNumber: { params: InstancePath & PhonePath; data: NumberCheck }
  getInstanceContact: { params: InstancePath & PhonePath; data: Contact }
  listChats: { params: InstancePath; query: ListOptions; data: Chat[]; list: true }
  listMessages: { params: InstancePath & { chatId: string }; query: ListOptions; data: Message[]; list: true }
  getChatMessage: {
    params: InstancePath & { chatId: string; messageId: string }
    query: { sender?: string }
    data: Message
  }
  listRecentMessages: { params: InstancePath; query: ListOptions; data: Message[]; list: true }
}
