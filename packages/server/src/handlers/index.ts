import type { OperationName } from '@wamux/contract'
import { admin } from './admin.ts'
import { webhookDeliveries } from './deliveries.ts'
import { events } from './events.ts'
import type { Handler } from './handler.ts'
import { instances } from './instances.ts'
import { keys } from './keys.ts'
import { linking } from './linking.ts'
import { messages } from './messages.ts'
import { webhook } from './webhook.ts'
import { severalWebhooks } from './webhooks.ts'

export type { AnyHandler } from './handler.ts'

/** One handler for each operation: a route without one does not compile. */
export const handlers: { [N in OperationName]: Handler<N> } = {
  ...admin,
  ...events,
  ...instances,
  ...keys,
  ...linking,
  ...messages,
  ...severalWebhooks,
  ...webhook,
  ...webhookDeliveries,
}
