import type { Account, FailureReason, LinkingQr, PairingCode, SessionInfo, SessionState } from '@wamux/core'
import { z } from 'zod'
import { like } from '../check.ts'
import type {
  ApiKey,
  CreatedApiKey,
  CreatedInstance,
  CreateInstance,
  Instance,
  PairingRequest,
  UpdateInstance,
} from '../wire.ts'
import { phone, time } from './common.ts'

export const sessionState = like<SessionState>()(
  z.enum(['stopped', 'connecting', 'linking', 'ready', 'waiting', 'logged_out', 'failed']),
)

export const failureReason = like<FailureReason>()(
  z.enum(['REPLACED', 'BANNED', 'OUTDATED', 'LINKING_EXPIRED', 'STORE_FAILED', 'CREDENTIALS_UNREADABLE']),
)

const account = like<Account>()(
  z.strictObject({
    phone: z.string(),
    lid: z.string().nullable().describe("The account's hidden id, once WhatsApp has told it"),
    name: z.string(),
  }),
)

const sessionInfo = like<SessionInfo>()(
  z.strictObject({
    id: z.string(),
    name: z.string(),
    state: sessionState,
    reason: failureReason.nullable().describe('Set while the state is failed'),
    retryAt: time.nullable().describe('When the next connection is tried, while the state is waiting'),
    account: account.nullable(),
    createdAt: time,
  }),
)

export const instance = like<Instance>()(
  sessionInfo
    .extend({ port: z.int().nullable().describe("The port of this instance's contact routes") })
    .meta({ id: 'Instance' }),
)

export const createdInstance = like<CreatedInstance>()(
  instance.extend({ apiKey: z.string().describe('Shown this once') }).meta({ id: 'CreatedInstance' }),
)

const name = z.string().min(1).max(128)
const port = z.int().min(1).max(65_535)

export const createInstance = like<CreateInstance>()(
  z.strictObject({
    id: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1–64 of A–Z, a–z, 0–9, _ and -')
      .describe('A UUID by default')
      .exactOptional(),
    name: name.exactOptional(),
    port: port.exactOptional(),
  }),
)

export const updateInstance = like<UpdateInstance>()(
  z.strictObject({
    name: name.exactOptional(),
    port: port.nullable().describe('null closes the port').exactOptional(),
  }),
)

export const linkingQr = like<LinkingQr>()(
  z
    .strictObject({ qr: z.string().nullable().describe('null while there is none yet'), expiresAt: time.nullable() })
    .meta({ id: 'LinkingQr' }),
)

// The format is also chosen by Accept; */* is JSON.
export const qrQuery = z.strictObject({ format: z.enum(['json', 'png', 'svg', 'text']).exactOptional() })

export const pairingRequest = like<PairingRequest>()(z.strictObject({ phone }))

export const pairingCode = like<PairingCode>()(
  z.strictObject({ code: z.string(), expiresAt: time }).meta({ id: 'PairingCode' }),
)

export const apiKey = like<ApiKey>()(
  z.strictObject({ id: z.string(), createdAt: time, revokedAt: time.nullable() }).meta({ id: 'ApiKey' }),
)

export const createdApiKey = like<CreatedApiKey>()(
  z
    .strictObject({ id: z.string(), apiKey: z.string().describe('Shown this once'), createdAt: time })
    .meta({ id: 'CreatedApiKey' }),
)
