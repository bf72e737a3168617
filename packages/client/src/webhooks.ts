import { type WebhookEvent, webhookEvents } from './contract.gen.ts'

/** Deliveries: proving where they come from, and making them for tests. WebCrypto only, so that it runs anywhere. */

/** As `Headers`, or as Node.js gives them. */
export type WebhookHeaders = Headers | Readonly<Record<string, string | string[] | undefined>>

export interface VerifyOptions {
  /** How old or how new a delivery may be. Default 300 s: an older one may be a replay. */
  toleranceSeconds?: number
  /** ms since the epoch; default the clock. */
  now?: number
}

export interface SignOptions {
  /** Default: the event's own id. */
  id?: string
  /** ms since the epoch; default the clock. */
  at?: number
}

/** The delivery is not from somebody who knows the secret, or not from now, or not an event. Answer 400 or 401. */
export class WebhookVerificationError extends Error {
  override readonly name = 'WebhookVerificationError'
}

/**
 * The event in a delivery, once it is proven to come from the server.
 *
 * `body` has to be what came over the wire, byte for byte: with express use `express.raw()` or `express.text()`,
 * because JSON that was read and written again is another text. The same event can come more than once: its `id` tells.
 * @throws WebhookVerificationError
 */
async function verify(
  body: string | Uint8Array,
  headers: WebhookHeaders,
  secret: string,
  { toleranceSeconds = 300, now = Date.now() }: VerifyOptions = {},
): Promise<WebhookEvent> {
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) =>
    headerOf(headers, name),
  )
  if (!id || !timestamp || !signatures) throw new WebhookVerificationError('The signature headers are missing.')
  if (!/^\d{1,15}$/.test(timestamp) || Math.abs(now / 1000 - Number(timestamp)) > toleranceSeconds) {
    throw new WebhookVerificationError('The delivery is too old or too new.')
  }
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body)
  const key = await importKey(secret, 'verify')
  const signed = bytes(`${id}.${timestamp}.${text}`)
  const isGood = await Promise.all(
    signatures
      .split(' ')
      .filter((one) => one.startsWith('v1,'))
      .map((one) => fromBase64(one.slice('v1,'.length)))
      .map((one) => one !== undefined && crypto.subtle.verify('HMAC', key, one, signed)),
  )
  if (!isGood.includes(true)) throw new WebhookVerificationError('The signature is not right.')
  return readEvent(text, id)
}

/** The headers that the server sends with `body`. For tests of a receiver. */
async function sign(
  body: string,
  secret: string,
  { id = idOf(body), at = Date.now() }: SignOptions = {},
): Promise<Record<string, string>> {
  const timestamp = String(Math.floor(at / 1000))
  const key = await importKey(secret, 'sign')
  const mac = async (text: string) => new Uint8Array(await crypto.subtle.sign('HMAC', key, bytes(text)))
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${toBase64(await mac(`${id}.${timestamp}.${body}`))}`,
    'x-hub-signature-256': `sha256=${[...(await mac(body))].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`,
  }
}

export const webhooks = { verify, sign }

function readEvent(text: string, id: string): WebhookEvent {
  let event: unknown
  try {
    event = JSON.parse(text)
  } catch {
    throw new WebhookVerificationError('The delivery is not JSON.')
  }
  const { id: own, event: name } = (event ?? {}) as Partial<WebhookEvent>
  if (own !== id || !webhookEvents.some((known) => known === name)) {
    throw new WebhookVerificationError('The delivery is not an event of this version of wamux.')
  }
  // Signed by the server, whose events have this type.
  return event as WebhookEvent
}

function idOf(body: string): string {
  // Only the event itself knows its id; what has none cannot be signed.
  const { id } = JSON.parse(body) as { id?: unknown }
  if (typeof id !== 'string') throw new TypeError('An event has an id.')
  return id
}

function headerOf(headers: WebhookHeaders, name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined
  const [, value] = Object.entries(headers).find(([key]) => key.toLowerCase() === name) ?? []
  return typeof value === 'string' ? value : value?.[0]
}

function importKey(secret: string, use: 'sign' | 'verify') {
  // As the server reads it: whsec_… is base64, anything else the bytes that were typed.
  const raw = secret.startsWith('whsec_') ? fromBase64(secret.slice('whsec_'.length)) : bytes(secret)
  if (!raw?.length) throw new TypeError('The secret of a webhook is not empty, and base64 after whsec_.')
  return crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, [use])
}

const bytes = (text: string) => new TextEncoder().encode(text)

const toBase64 = (data: Uint8Array) => btoa(String.fromCharCode(...data))

function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
  } catch {
    return undefined
  }
}
