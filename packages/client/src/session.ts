import type {
  ApiKey,
  Batch,
  BulkItem,
  BulkOptions,
  Chat,
  Contact,
  CreatedApiKey,
  EventsOptions,
  Instance,
  JournalEnvelope,
  LinkingQr,
  ListOptions,
  Message,
  NumberCheck,
  OutgoingMessage,
  Page,
  PairingCode,
  SendOptions,
  SentMessage,
  SessionApi,
  UpdateInstance,
  Webhook,
  WebhookSettings,
} from './contract.gen.ts'
import type { Http } from './http.ts'
import { RemoteWebhooks } from './remote-webhooks.ts'
import { follow } from './stream.ts'

/** What a session can do only over HTTP: things that belong to the server and not to the account. */
export type RemoteOnly =
  | 'update'
  | 'remove'
  | 'webhook'
  | 'setWebhook'
  | 'removeWebhook'
  | 'webhooks'
  | 'createKey'
  | 'keys'
  | 'revokeKey'

/**
 * A session on a server. The same interface as `Session` of `@wamux/core`: code written for one runs with the other.
 * An instance's key is enough for everything but `logout`, `qr`, `pairingCode`, `remove` and the keys.
 */
export class ClientSession implements SessionApi {
  readonly id: string
  /** Several webhooks, each with its own events, headers and secret. */
  readonly webhooks: RemoteWebhooks
  readonly #http: Http

  /** Made by `client.session(id)`. @hidden */
  constructor(http: Http, id: string) {
    this.#http = http
    this.id = id
    this.webhooks = new RemoteWebhooks(http, id)
  }

  get #params(): { id: string } {
    return { id: this.id }
  }

  async info(): Promise<Instance> {
    return (await this.#http.call('getInstance', { params: this.#params })).data
  }

  async start(): Promise<void> {
    await this.#http.call('startInstance', { params: this.#params })
  }

  async stop(): Promise<void> {
    await this.#http.call('stopInstance', { params: this.#params })
  }

  async restart(): Promise<void> {
    await this.#http.call('restartInstance', { params: this.#params })
  }

  async logout(): Promise<void> {
    await this.#http.call('logoutInstance', { params: this.#params })
  }

  async qr(): Promise<LinkingQr> {
    return (await this.#http.call('getQr', { params: this.#params, query: { format: 'json' } })).data
  }

  async pairingCode(phone: string): Promise<PairingCode> {
    return (await this.#http.call('createPairingCode', { params: this.#params, body: { phone } })).data
  }

  /** As in `SessionApi`. It has an idempotency key in any case, and is tried again when there is no answer. */
  async send(phone: string, message: string, { idempotencyKey, ...when }: SendOptions = {}): Promise<SentMessage> {
    const input = { params: this.#params, body: { phone, message, ...when } }
    return (await this.#http.callOnce('sendInstanceMessage', input, idempotencyKey)).data
  }

  async sendBulk(messages: readonly BulkItem[], { idempotencyKey }: BulkOptions = {}): Promise<Batch> {
    const input = { params: this.#params, body: { messages: [...messages] } }
    return (await this.#http.callOnce('sendInstanceBulk', input, idempotencyKey)).data
  }

  async batch(batchId: string): Promise<Batch> {
    return (await this.#http.call('getInstanceBatch', { params: { id: this.id, batchId } })).data
  }

  async pauseBatch(batchId: string): Promise<Batch> {
    return (await this.#http.call('pauseInstanceBatch', { params: { id: this.id, batchId } })).data
  }

  async resumeBatch(batchId: string): Promise<Batch> {
    return (await this.#http.call('resumeInstanceBatch', { params: { id: this.id, batchId } })).data
  }

  async cancelBatch(batchId: string): Promise<Batch> {
    return (await this.#http.call('cancelInstanceBatch', { params: { id: this.id, batchId } })).data
  }

  async chats(options: ListOptions = {}): Promise<Page<Chat>> {
    return this.#http.call('listChats', { params: this.#params, query: options })
  }

  async messages(chatId: string, options: ListOptions = {}): Promise<Page<Message>> {
    return this.#http.call('listMessages', { params: { id: this.id, chatId }, query: options })
  }

  async recentMessages(options: ListOptions = {}): Promise<Page<Message>> {
    return this.#http.call('listRecentMessages', { params: this.#params, query: options })
  }

  async chatMessage(chatId: string, messageId: string, sender?: string): Promise<Message> {
    const query = sender === undefined ? {} : { sender }
    return (await this.#http.call('getChatMessage', { params: { id: this.id, chatId, messageId }, query })).data
  }

  async message(messageId: string): Promise<OutgoingMessage> {
    return (await this.#http.call('getInstanceMessage', { params: { id: this.id, messageId } })).data
  }

  async cancelMessage(messageId: string): Promise<OutgoingMessage> {
    return (await this.#http.call('cancelInstanceMessage', { params: { id: this.id, messageId } })).data
  }

  async checkNumber(phone: string): Promise<NumberCheck> {
    return (await this.#http.call('checkInstanceNumber', { params: { id: this.id, phone } })).data
  }

  async contact(phone: string): Promise<Contact> {
    return (await this.#http.call('getInstanceContact', { params: { id: this.id, phone } })).data
  }

  /** As in `SessionApi`; a connection that ends is made again, and goes on where it was. */
  events(options: EventsOptions = {}): AsyncIterableIterator<JournalEnvelope> {
    return follow(this.#http, this.id, options)
  }

  /** Renames the instance or changes its port; `port: null` closes it. @throws PORT_IN_USE */
  async update(changes: UpdateInstance): Promise<Instance> {
    return (await this.#http.call('updateInstance', { params: this.#params, body: changes })).data
  }

  /** Deletes the instance with everything that belongs to it. Already gone is fine. */
  async remove(): Promise<void> {
    await this.#http.call('deleteInstance', { params: this.#params })
  }

  /** @throws NOT_FOUND when none is set */
  async webhook(): Promise<Webhook> {
    return (await this.#http.call('getWebhook', { params: this.#params })).data
  }

  /** Replaces the whole configuration: without `secret` deliveries are unsigned. @throws URL_NOT_ALLOWED */
  async setWebhook(settings: WebhookSettings): Promise<Webhook> {
    return (await this.#http.call('setWebhook', { params: this.#params, body: settings })).data
  }

  /** Removes the webhook and what was not delivered yet. */
  async removeWebhook(): Promise<void> {
    await this.#http.call('deleteWebhook', { params: this.#params })
  }

  /** Another key for this instance. It is shown only here. */
  async createKey(): Promise<CreatedApiKey> {
    return (await this.#http.call('createKey', { params: this.#params })).data
  }

  async keys(options: ListOptions = {}): Promise<Page<ApiKey>> {
    return this.#http.call('listKeys', { params: this.#params, query: options })
  }

  /** @throws NOT_FOUND */
  async revokeKey(keyId: string): Promise<void> {
    await this.#http.call('revokeKey', { params: { id: this.id, keyId } })
  }
}
