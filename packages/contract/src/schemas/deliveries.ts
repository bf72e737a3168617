import { z } from 'zod'
import { like } from '../check.ts'
import { journalNames, wireEvent } from '../events.ts'
import type { DeliveriesQuery, Replay, Replayed, WebhookDelivery, WebhookDeliveryDetails } from '../wire.ts'
import { listQuery, time } from './common.ts'
import { webhookAttempt } from './webhooks.ts'

const state = z.enum(['pending', 'done', 'dead'])

const fields = {
  eventId: z.string().describe('The webhook-id of its attempts'),
  event: z.enum(journalNames),
  seq: z.int(),
  chatId: z.string().nullable().describe('The chat in whose order it is delivered'),
  state: state.describe('dead: given up after the schedule'),
  failures: z.int().describe("How many of the schedule's attempts have failed"),
  failedAt: time.nullable().describe('When it first failed. Ten minutes later it holds its chat no longer'),
  nextAttemptAt: time.nullable().describe('null when there will be none'),
  settledAt: time.nullable().describe('When it was delivered or given up'),
  lastAttempt: webhookAttempt.nullable(),
}

export const delivery = like<WebhookDelivery>()(z.strictObject(fields).meta({ id: 'WebhookDelivery' }))

export const deliveryDetails = like<WebhookDeliveryDetails>()(
  z
    .strictObject({
      ...fields,
      attempts: webhookAttempt.array().describe('The newest 20, the oldest of them first'),
      content: wireEvent.nullable().describe('What is sent; null when the event is no longer in the journal'),
    })
    .meta({ id: 'WebhookDeliveryDetails' }),
)

export const deliveriesQuery = like<DeliveriesQuery>()(
  listQuery.extend({ state: state.describe('Only those in this state').exactOptional() }),
)

const MOST_IDS = 500

export const replay = like<Replay>()(
  z
    .strictObject({
      ids: z
        .array(z.string().min(1).max(64))
        .min(1)
        .max(MOST_IDS)
        .describe(`Up to ${MOST_IDS}, of deliveries that there are; with nothing else beside it`)
        .exactOptional(),
      after: z
        .int()
        .min(0)
        .describe('Those after the event with this seq; 0 is the oldest that is kept')
        .exactOptional(),
      since: time.min(0).describe('Whose timestamp is this or later, in ms since the epoch').exactOptional(),
      until: time.min(0).describe('Whose timestamp is earlier than this').exactOptional(),
      events: z
        .array(z.enum(journalNames, `must be names out of ${journalNames.join(', ')}`))
        .min(1)
        .max(50)
        .exactOptional(),
      state: state.describe('Whose delivery is in this state: dead is what was given up').exactOptional(),
    })
    .refine(
      ({ events, ...bounds }) => Object.keys(bounds).length > 0,
      'must have one of ids, after, since, until and state',
    )
    .refine(({ ids, ...others }) => ids === undefined || Object.keys(others).length === 0, {
      path: ['ids'],
      message: 'must have nothing beside it',
    }),
)

export const replayed = like<Replayed>()(z.strictObject({ count: z.int() }))
