import { z } from 'zod'
import { like } from '../check.ts'
import type { AdminToken, Health, Login, Setup } from '../wire.ts'
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
