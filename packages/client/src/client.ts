import type {
  AdminToken,
  Batch,
  Contact,
  CreatedInstance,
  CreateInstance,
  Health,
  Instance,
  ListOptions,
  Login,
  NumberCheck,
  OutgoingMessage,
  Page,
  SendBulk,
  SendMessage,
  SendOptions,
  SentMessage,
  Setup,
} from './contract.gen.ts'
import { type ClientOptions, Http } from './http.ts'
import { ClientSession } from './session.ts'

/** All instances of a server; needs the admin token. */
export interface Sessions {
  /** Creates an instance and begins to link it. Its API key is shown only here. @throws INSTANCE_EXISTS, PORT_IN_USE */
  create(options?: CreateInstance): Promise<CreatedInstance>
  /** One page, newest first. */
  list(options?: ListOptions): Promise<Page<Instance>>
  /** @throws INSTANCE_NOT_FOUND */
  get(id: string): Promise<Instance>
  /** Already gone is fine. */
  remove(id: string): Promise<void>
}

/** The documented routes that act as the instance whose key the client has. */
export interface Gateway {
  sendMessage(message: SendMessage, options?: SendOptions): Promise<SentMessage>
  sendBulk(messages: SendBulk, options?: SendOptions): Promise<Batch>
  batch(batchId: string): Promise<Batch>
  pauseBatch(batchId: string): Promise<Batch>
  resumeBatch(batchId: string): Promise<Batch>
  cancelBatch(batchId: string): Promise<Batch>
  /** How far a message got that this instance sent. @throws NOT_FOUND */
  message(messageId: string): Promise<OutgoingMessage>
  /** Calls off a message that waits. @throws NOT_FOUND, TOO_LATE */
  cancelMessage(messageId: string): Promise<OutgoingMessage>
  checkNumber(phone: string): Promise<NumberCheck>
  contact(phone: string): Promise<Contact>
}

export interface Client {
  /** Gets an admin token and uses it from here on. @throws UNAUTHENTICATED, RATE_LIMITED, SETUP_REQUIRED */
  login(credentials: Login): Promise<AdminToken>
  /** Makes the first administrator, with the token that the server printed, and logs in. */
  setup(setup: Setup): Promise<AdminToken>
  health(): Promise<Health>
  readonly sessions: Sessions
  /** A handle on one session. Asks nothing: that it exists shows with the first call. */
  session(id: string): ClientSession
  readonly gateway: Gateway
}

/**
 * A client for a wamux server, with an instance's key, an admin token, or neither until {@link Client.login}.
 * Sends carry an idempotency key and are tried again when there is no answer; they are sent once all the same. Nothing
 * else is tried twice by itself.
 *
 * ```ts
 * const client = createClient({ url: 'http://127.0.0.1:3000', apiKey: 'wapi_…' })
 * await client.gateway.sendMessage({ phone: '491234567890', message: 'Hallo' })
 * ```
 *
 * Every method rejects with a {@link WamuxClientError}.
 */
export function createClient(options: ClientOptions): Client {
  const http = new Http(options)
  const loggedIn = (token: AdminToken) => {
    http.useToken(token.token)
    return token
  }
  return {
    login: async (body) => loggedIn((await http.call('login', { body })).data),
    setup: async (body) => loggedIn((await http.call('setup', { body })).data),
    health: async () => (await http.call('health', {})).data,
    sessions: {
      create: async (body = {}) => (await http.call('createInstance', { body })).data,
      list: (query = {}) => http.call('listInstances', { query }),
      get: async (id) => (await http.call('getInstance', { params: { id } })).data,
      remove: async (id) => {
        await http.call('deleteInstance', { params: { id } })
      },
    },
    session: (id) => new ClientSession(http, id),
    gateway: {
      sendMessage: async (body, options) =>
        (await http.callOnce('sendMessage', { body }, options?.idempotencyKey)).data,
      sendBulk: async (body, options) => (await http.callOnce('sendBulk', { body }, options?.idempotencyKey)).data,
      batch: async (batchId) => (await http.call('getBatch', { params: { batchId } })).data,
      pauseBatch: async (batchId) => (await http.call('pauseBatch', { params: { batchId } })).data,
      resumeBatch: async (batchId) => (await http.call('resumeBatch', { params: { batchId } })).data,
      cancelBatch: async (batchId) => (await http.call('cancelBatch', { params: { batchId } })).data,
      message: async (messageId) => (await http.call('getMessage', { params: { messageId } })).data,
      cancelMessage: async (messageId) => (await http.call('cancelMessage', { params: { messageId } })).data,
      checkNumber: async (phone) => (await http.call('checkNumber', { params: { phone } })).data,
      contact: async (phone) => (await http.call('getContact', { params: { phone } })).data,
    },
  }
}
