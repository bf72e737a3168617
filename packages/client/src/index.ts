/** A typed client for the wamux REST API, and what a receiver of webhooks needs. */
export { type Client, createClient, type Gateway, type Sessions } from './client.ts'
export type * from './contract.gen.ts'
export {
  type ClientDetails,
  type ClientErrorCode,
  type ClientErrorDetails,
  type ErrorFacts,
  isWamuxClientError,
  WamuxClientError,
} from './errors.ts'
export type { ClientOptions } from './http.ts'
export type { RemoteWebhooks } from './remote-webhooks.ts'
export { ClientSession, type RemoteOnly } from './session.ts'
export {
  type SignOptions,
  type VerifyOptions,
  type WebhookHeaders,
  WebhookVerificationError,
  webhooks,
} from './webhooks.ts'
