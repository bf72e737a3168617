/** A typed client for the wamux REST API, and what a receiver of webhooks needs. */
export { type Client, type ClientOptions, createClient, type Gateway, type Sessions } from './client.ts'
export type * from './contract.gen.ts'
export {
  type ClientErrorCode,
  type ClientErrorDetails,
  isWamuxClientError,
  WamuxClientError,
} from './errors.ts'
export { ClientSession, type RemoteOnly } from './session.ts'
export {
  type SignOptions,
  type VerifyOptions,
  type WebhookHeaders,
  WebhookVerificationError,
  webhooks,
} from './webhooks.ts'
