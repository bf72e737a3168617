import type {
  CreatedWebhook,
  CreateWebhook,
  InstanceWebhook,
  ListOptions,
  Page,
  RotatedSecret,
  RotateSecret,
  UpdateWebhook,
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

  #params(webhookId: string): { id: string; webhookId: string } {
    return { id: this.#id, webhookId }
  }
}
