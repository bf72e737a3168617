import { createHmac, timingSafeEqual } from 'node:crypto'

/** For how long an uploaded file can be fetched with the link it got: the `oe` of real ones is some weeks away. */
export const LINK_MS = 14 * 86_400_000
/** For how long the server keeps a file at all; then only a phone that has it can bring it back. As WhatsApp says. */
export const KEPT_MS = 30 * 86_400_000
/** For how long a client may upload with what `media_conn` gave it: six hours, as WhatsApp grants. */
export const AUTH_MS = 6 * 3_600_000

/**
 * The signatures of the media server. All that is signed is in the link or the token itself, so nothing has to be
 * remembered, and both still hold after a restart.
 */
export class Signer {
  readonly #secret: Buffer

  constructor(secret: Buffer) {
    this.#secret = secret
  }

  /** `direct_path` of a file: fetched from any of the media hosts, for as long as `oe` (hexadecimal seconds) says. */
  directPath(path: string, expiresAt: number): string {
    const oe = Math.floor(expiresAt / 1000)
      .toString(16)
      .toUpperCase()
    // Not at the end: clients append `&hash=…`, and one of them `?auth=…`, which spoils what is last.
    return `${path}?ccb=11-4&oh=${this.#sign(`link ${path} ${oe}`)}&oe=${oe}&_nc_sid=5e03e0`
  }

  /** Whether a link is ours and still good. */
  check(path: string, query: URLSearchParams, now: number): 'good' | 'forged' | 'expired' {
    const [oh = '', oe = ''] = [query.get('oh') ?? '', query.get('oe') ?? '']
    if (!isSame(oh, this.#sign(`link ${path} ${oe}`))) return 'forged'
    return Number.parseInt(oe, 16) * 1000 > now ? 'good' : 'expired'
  }

  /** What an account may upload with until then. */
  auth(phone: string, expiresAt: number): string {
    const content = Buffer.from(`${phone}.${Math.floor(expiresAt / 1000)}`).toString('base64url')
    return `${content}.${this.#sign(`auth ${content}`)}`
  }

  /** Whose token it is; undefined when it is not ours or too old. */
  uploader(auth: string, now: number): string | undefined {
    const [content = '', signature = ''] = auth.split('.')
    if (!isSame(signature, this.#sign(`auth ${content}`))) return undefined
    const [phone, expiry] = Buffer.from(content, 'base64url').toString().split('.')
    return Number(expiry) * 1000 > now ? phone : undefined
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#secret).update(text).digest('base64url').slice(0, 32)
  }
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
