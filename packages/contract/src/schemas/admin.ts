import { z } from 'zod'
import { like } from '../check.ts'
import type { AdminToken, Health, Login, Setup, Webhook, WebhookSettings } from '../wire.ts'
import { time } from './common.ts'
import { sessionState } from './sessions.ts'

const username = z.string().min(1).max(128)

// Any length may be tried at login; only new passwords have a minimum.
export const login = like<Login>()(z.strictObject({ username, password: z.string().min(1).max(1024) }))

export const setup = like<Setup>()(
  z.strictObject({ token: z.string().min(1).max(256), username, password: z.string().min(12).max(1024) }),
)

export const adminToken = like<AdminToken>()(
  z.strictObject({ token: z.string(), expiresAt: time }).meta({ id: 'AdminToken' }),
)

export const webhookSettings = like<WebhookSettings>()(
  z.strictObject({
    url: z.string().min(1).max(2048),
    secret: z
      .string()
      .min(1)
      .max(256)
      .refine((secret) => !secret.startsWith('whsec_') || isBase64(secret.slice('whsec_'.length)), {
        message: 'must be base64 after whsec_',
      })
      .describe('whsec_… is base64, anything else its UTF-8 bytes; left out: unsigned')
      .exactOptional(),
  }),
)

const isBase64 = (text: string) => /^[A-Za-z0-9+/]+={0,2}$/.test(text)

export const webhook = like<Webhook>()(
  z.strictObject({ url: z.string(), hasSecret: z.boolean() }).meta({ id: 'Webhook' }),
)

export const health = like<Health>()(
  z
    .strictObject({
      status: z.literal('ok'),
      version: z.string(),
      sessions: z.record(sessionState, z.int()).describe('By state; with the admin token only').exactOptional(),
      queue: z
        .strictObject({ depth: z.int(), oldestAt: time.nullable() })
        .describe('Messages accepted and not sent yet; with the admin token only')
        .exactOptional(),
      unhandledRejections: z
        .int()
        .describe('Faults since the start that would have ended the process; with the admin token only')
        .exactOptional(),
    })
    .meta({ id: 'Health' }),
)
