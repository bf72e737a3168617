import { createHmac } from 'node:crypto'

/** The headers that prove where a delivery comes from: Standard Webhooks, and a plain HMAC for those who know that. */
export function sign(body: string, { id, at, secret }: { id: string; at: number; secret: string | null }) {
  const timestamp = Math.floor(at / 1000)
  const headers: Record<string, string> = { 'webhook-id': id, 'webhook-timestamp': String(timestamp) }
  if (secret === null) return headers
  const key = keyOf(secret)
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  headers['webhook-signature'] = `v1,${signature}`
  headers['x-hub-signature-256'] = `sha256=${createHmac('sha256', key).update(body).digest('hex')}`
  return headers
}

/** `whsec_…` is base64; anything else is the bytes that were typed. */
const keyOf = (secret: string) =>
  secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret, 'utf8')
