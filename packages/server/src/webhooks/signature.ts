import { createHmac, randomBytes } from 'node:crypto'

/** What signs a delivery: the secret, and while it is being changed the one before it. */
export interface Secrets {
  secret: string | null
  oldSecret?: string | null
  oldSecretUntil?: number | null
}

/** The headers that prove where a delivery comes from: Standard Webhooks, and a plain HMAC for those who know that. */
export function sign(body: string, { id, at, ...secrets }: { id: string; at: number } & Secrets) {
  const timestamp = Math.floor(at / 1000)
  const headers: Record<string, string> = { 'webhook-id': id, 'webhook-timestamp': String(timestamp) }
  const { secret, oldSecret, oldSecretUntil } = secrets
  if (secret === null) return headers
  const mac = (of: string) => createHmac('sha256', keyOf(of)).update(`${id}.${timestamp}.${body}`).digest('base64')
  const isChanging = oldSecret != null && (oldSecretUntil ?? 0) > at
  headers['webhook-signature'] = (isChanging ? [secret, oldSecret] : [secret]).map((one) => `v1,${mac(one)}`).join(' ')
  // This header holds one signature, so that a receiver that knows only it has to change its secret at once.
  headers['x-hub-signature-256'] = `sha256=${createHmac('sha256', keyOf(secret)).update(body).digest('hex')}`
  return headers
}

/** 32 random bytes, as Standard Webhooks writes them. */
export const makeSecret = () => `whsec_${randomBytes(32).toString('base64')}`

/** `whsec_…` is base64; anything else is the bytes that were typed. */
const keyOf = (secret: string) =>
  secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret, 'utf8')
