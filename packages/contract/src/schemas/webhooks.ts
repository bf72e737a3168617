import { z } from 'zod'
import { like } from '../check.ts'
import { journalNames } from '../events.ts'
import type {
  CreatedWebhook,
  CreateWebhook,
  InstanceWebhook,
  RotatedSecret,
  RotateSecret,
  UpdateWebhook,
  Webhook,
  WebhookAttempt,
  WebhookSettings,
  WebhookTest,
} from '../wire.ts'
import { time } from './common.ts'

const url = z.string().min(1).max(2048)

const isBase64 = (text: string) => /^[A-Za-z0-9+/]+={0,2}$/.test(text)

const secret = z
  .string()
  .min(1)
  .max(256)
  .refine((secret) => !secret.startsWith('whsec_') || isBase64(secret.slice('whsec_'.length)), {
    message: 'must be base64 after whsec_',
  })

export const webhookSettings = like<WebhookSettings>()(
  z.strictObject({
    url,
    secret: secret.describe('whsec_… is base64, anything else its UTF-8 bytes; left out: unsigned').exactOptional(),
  }),
)

export const webhook = like<Webhook>()(
  z.strictObject({ url: z.string(), hasSecret: z.boolean() }).meta({ id: 'Webhook' }),
)

const MOST_HEADERS = 20
/** What HTTP and the signature need, and what would lead a request elsewhere. */
const TAKEN =
  /^(host|content-.*|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|proxy-.*|webhook-.*|wamux-.*|x-hub-signature.*)$/i

const headers = z
  .record(
    z
      .string()
      .max(64)
      .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'must have names of letters, digits and hyphens')
      .refine((name) => !TAKEN.test(name), 'holds a name that cannot be set'),
    z
      .string()
      .max(1024)
      .regex(/^[\x20-\x7e]*$/, 'must hold visible ASCII'),
  )
  .refine((all) => Object.keys(all).length <= MOST_HEADERS, `must hold at most ${MOST_HEADERS} headers`)
  .refine(
    (all) => new Set(Object.keys(all).map((name) => name.toLowerCase())).size === Object.keys(all).length,
    'must not hold one name twice',
  )
  .describe(`Sent with every delivery; up to ${MOST_HEADERS}. Those that HTTP or the signature needs cannot be set`)

const name = z.string().min(1).max(128)
const events = z
  .array(z.enum(journalNames, `must be names out of ${journalNames.join(', ')}`))
  .min(1)
  .max(50)
  .nullable()
  .describe('Only these events; null: all')

export const createWebhook = like<CreateWebhook>()(
  z.strictObject({
    url,
    name: name.describe("The URL's host by default").exactOptional(),
    events: events.exactOptional(),
    headers: headers.exactOptional(),
    secret: secret.nullable().describe('Left out, one is made; null: unsigned').exactOptional(),
    enabled: z.boolean().exactOptional(),
  }),
)

export const updateWebhook = like<UpdateWebhook>()(
  z.strictObject({
    url: url.exactOptional(),
    name: name.exactOptional(),
    events: events.exactOptional(),
    headers: headers.exactOptional(),
    secret: secret.nullable().describe('Changes at once; null: unsigned').exactOptional(),
    enabled: z.boolean().describe('One that is not enabled gets nothing and keeps its place').exactOptional(),
  }),
)

const fields = {
  id: z.string().describe('`default` is the one of the route without an id'),
  name: z.string(),
  url: z.string(),
  events: z.array(z.enum(journalNames)).nullable().describe('null: all'),
  headerNames: z.array(z.string()).describe('Their values may be secrets, and are not shown'),
  enabled: z.boolean(),
  disabledReason: z
    .enum(['gone', 'failing'])
    .nullable()
    .describe('Why it was disabled without anybody asking: after a 410, or after five days without a delivery'),
  failingSince: time.nullable().describe('Since when no delivery has worked; null while they work'),
  hasSecret: z.boolean(),
  oldSecretUntil: time.nullable().describe('Until when the secret before this one signs too'),
  cursor: z.int().describe('Up to this seq events were taken for delivery'),
  createdAt: time,
}

export const instanceWebhook = like<InstanceWebhook>()(z.strictObject(fields).meta({ id: 'InstanceWebhook' }))

export const createdWebhook = like<CreatedWebhook>()(
  z
    .strictObject({ ...fields, secret: z.string().nullable().describe('Shown this once; null: unsigned') })
    .meta({ id: 'CreatedWebhook' }),
)

export const rotateSecret = like<RotateSecret>()(
  z.strictObject({
    secret: secret.describe('Left out, one is made').exactOptional(),
    overlapSeconds: z
      .int()
      .min(0)
      .max(604_800)
      .describe('How long the old secret signs too; a day by default')
      .exactOptional(),
  }),
)

export const rotatedSecret = like<RotatedSecret>()(
  z.strictObject({ secret: z.string().describe('Shown this once'), oldSecretUntil: time.nullable() }),
)

const attemptFields = {
  at: time,
  durationMs: z.int(),
  status: z.int().nullable().describe('What the receiver answered, null when it did not'),
  error: z.string().nullable().describe('Null when it worked'),
}

export const webhookAttempt = like<WebhookAttempt>()(z.strictObject(attemptFields).meta({ id: 'WebhookAttempt' }))

export const webhookTest = like<WebhookTest>()(z.strictObject({ ...attemptFields, eventId: z.string() }))
