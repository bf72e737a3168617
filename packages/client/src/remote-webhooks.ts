import type {
  CreatedWebhook,
  CreateWebhook,
  DeliveriesQuery,
  InstanceWebhook,
  ListOptions,
  Page,
  Replay,
  Replayed,
  RotatedSecret,
  RotateSecret,
  UpdateWebhook,
  WebhookDelivery,
  WebhookDeliveryDetails,
  WebhookTest,
} from './contract.gen.ts'
import type { Http } from './http.ts'

/** The webhooks of an instance. `default` is the id of the one that `setWebhook` sets. */
export class RemoteWebhooks {
  readonly #http: Http
  readonly #id: string

  /** Made by `session.webhooks`. @hidden */
  constructor(http: Http, id: string) {
    this.#http = http
    this.#id = id
  }

  /** Begins with the next event. Without `secret` one is made, which is shown only here. @throws URL_NOT_ALLOWED */
  async create(settings: CreateWebhook): Promise<CreatedWebhook> {
    return (await this.#http.call('createWebhook', { params: { id: this.#id }, body: settings })).data
  }

  /** One page, newest first. */
  async list(options: ListOptions = {}): Promise<Page<InstanceWebhook>> {
    return this.#http.call('listWebhooks', { params: { id: this.#id }, query: options })
  }

  /** @throws NOT_FOUND */
  async get(webhookId: string): Promise<InstanceWebhook> {
    return (await this.#http.call('getInstanceWebhook', { params: this.#params(webhookId) })).data
  }

  /** What is left out stays. `enabled: true` takes back that it was disabled. @throws NOT_FOUND, URL_NOT_ALLOWED */
  async update(webhookId: string, changes: UpdateWebhook): Promise<InstanceWebhook> {
    return (await this.#http.call('updateWebhook', { params: this.#params(webhookId), body: changes })).data
  }

  /** Removes it with what was not delivered yet. Already gone is fine. */
  async remove(webhookId: string): Promise<void> {
    await this.#http.call('removeWebhook', { params: this.#params(webhookId) })
  }

  /** Another secret; the old one signs too for a day, or for `overlapSeconds`. @throws NOT_FOUND */
  async rotateSecret(webhookId: string, rotation: RotateSecret = {}): Promise<RotatedSecret> {
    return (await this.#http.call('rotateWebhookSecret', { params: this.#params(webhookId), body: rotation })).data
  }

  /** Sends the newest event that it wants once more, and says what came back. @throws NOT_FOUND when there is none */
  async test(webhookId: string): Promise<WebhookTest> {
    return (await this.#http.call('testWebhook', { params: this.#params(webhookId) })).data
  }

  /** What it was told or is to be, one page, newest first; `state: 'dead'` is what was given up. @throws NOT_FOUND */
  async deliveries(webhookId: string, options: DeliveriesQuery = {}): Promise<Page<WebhookDelivery>> {
    return this.#http.call('listDeliveries', { params: this.#params(webhookId), query: options })
  }

  /** One delivery with its attempts and what is sent. @throws NOT_FOUND */
  async delivery(webhookId: string, eventId: string): Promise<WebhookDeliveryDetails> {
    return (await this.#http.call('getDelivery', { params: { ...this.#params(webhookId), eventId } })).data
  }

  /** Delivers an event once more, now and by the whole schedule. @throws NOT_FOUND, EVENTS_PRUNED */
  async redeliver(webhookId: string, eventId: string): Promise<WebhookDelivery> {
    return (await this.#http.call('redeliver', { params: { ...this.#params(webhookId), eventId } })).data
  }

  /**
   * Delivers events once more, in order within each chat and under their ids: `{ state: 'dead' }` what was given up,
   * `{ after }` what follows a `seq`, `{ since, until }` a time, `{ ids }` these. @throws NOT_FOUND, EVENTS_PRUNED
   */
  async replay(webhookId: string, selection: Replay): Promise<Replayed> {
    return (await this.#http.call('replay', { params: this.#params(webhookId), body: selection })).data
  }

  #params(webhookId: string): { id: string; webhookId: string } {
    return { id: this.#id, webhookId }
  }
}
