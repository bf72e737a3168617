import { lookup as lookupCallback } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { createServer } from 'node:http'
import { isIP, type LookupFunction } from 'node:net'
import { invalid, WamuxError } from '@wamux/core'
import { Agent, buildConnector, request } from 'undici'
import { AddressPolicy } from './addresses.ts'

/** How a delivery went. Everything that is not a 2xx in time is a failure, redirects too. */
export type Outcome =
  | { ok: true; status: number }
  | { ok: false; status: number | null; error: string; retryAfterMs?: number }

const SETTING = 'WAMUX_OUTBOUND_ALLOW'
const ATTEMPT_MS = 20_000
const CONNECT_MS = 5_000
const REPLY_LIMIT = 64 * 1024
const REPLY_MS = 1_000
/** What a receiver that asks for time gets. */
const [SHORTEST_MS, LONGEST_MS] = [1_000, 24 * 60 * 60_000]
const NAMES_INSIDE = /(^|\.)(localhost|local|internal|home\.arpa)$/

/**
 * The only way out to a URL that a user supplied. Addresses are checked when the connection is made, for names and for
 * literals, so that neither DNS nor a redirect leads inside; environment proxies are not used.
 */
export class OutboundGuard {
  readonly #policy: AddressPolicy
  readonly #agent: Agent
  readonly #resolve: typeof lookupCallback

  /** `resolve` is for tests: the system's own by default. */
  constructor(allow: readonly string[], resolve: typeof lookupCallback = lookupCallback) {
    this.#resolve = resolve
    this.#policy = new AddressPolicy(allow)
    this.#agent = new Agent({ connect: this.#connector(), keepAliveTimeout: 4_000, maxHeaderSize: 16 * 1024 })
  }

  /**
   * Refuses at once what could never be delivered.
   * @throws INVALID_INPUT, URL_NOT_ALLOWED
   */
  async check(text: string): Promise<void> {
    const url = URL.parse(text)
    if (!url) throw invalid('url', 'is not a URL')
    if (url.protocol !== 'https:' && url.protocol !== 'http:')
      throw invalid('url', 'must begin with https:// or http://')
    if (url.username !== '' || url.password !== '') throw invalid('url', 'must not hold a user name or password')
    const host = hostOf(url)
    if (isIP(host)) {
      if (!this.#policy.allows(host)) throw notAllowed(text)
      return
    }
    // A name that cannot be resolved now may be so later, unless it is one that never leads outside.
    const addresses = await lookup(host, { all: true }).catch(() => [])
    if (addresses.some(({ address }) => !this.#policy.allows(address))) throw notAllowed(text)
    if (addresses.length === 0 && NAMES_INSIDE.test(host)) throw notAllowed(text)
  }

  /** Posts `body`; resolves in 20 s at the latest and never rejects. */
  async post(url: string, body: string, headers: Record<string, string>): Promise<Outcome> {
    const signal = AbortSignal.timeout(ATTEMPT_MS)
    try {
      const {
        statusCode,
        headers: replied,
        body: reply,
      } = await request(url, {
        method: 'POST',
        dispatcher: this.#agent,
        headers: { 'content-type': 'application/json', ...headers },
        body,
        signal,
      })
      // The status is the answer; what follows is only read so that the connection can be used again.
      await reply.dump({ limit: REPLY_LIMIT, signal: AbortSignal.timeout(REPLY_MS) }).catch(() => {})
      if (statusCode >= 200 && statusCode < 300) return { ok: true, status: statusCode }
      return {
        ok: false,
        status: statusCode,
        error: `HTTP ${statusCode}`,
        ...readRetryAfter(replied['retry-after'], Date.now()),
      }
    } catch (error) {
      return { ok: false, status: null, error: describe(error, signal) }
    }
  }

  /**
   * Proves at start that the checks are really asked: a guard that lets nothing through is pointed at a server of our
   * own, which must not see so much as a connection.
   */
  static async selfTest(): Promise<void> {
    let connections = 0
    const canary = createServer((_, response) => response.end()).on('connection', () => {
      connections++
    })
    await new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve))
    const address = canary.address()
    const port = address !== null && typeof address === 'object' ? address.port : 0
    const guard = new OutboundGuard([])
    try {
      for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]']) {
        const outcome = await guard.post(`http://${host}:${port}/`, '', {})
        if (outcome.ok || connections > 0) throw new Error(`The outbound guard let a request to ${host} through.`)
      }
    } finally {
      await guard.close()
      canary.closeAllConnections()
      await new Promise<void>((resolve) => canary.close(() => resolve()))
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  #connector(): buildConnector.connector {
    const connect = buildConnector({ timeout: CONNECT_MS, lookup: this.#lookup() })
    return (options, callback) => {
      // No name is looked up for a literal, so those are checked here.
      const host = options.hostname.replace(/^\[|\]$/g, '')
      if (isIP(host) && !this.#policy.allows(host)) callback(new BlockedError(host), null)
      else connect(options, callback)
    }
  }

  #lookup(): LookupFunction {
    return (hostname, options, callback) => {
      this.#resolve(hostname, { ...options, all: true }, (error, addresses) => {
        if (error) return callback(error, '', 0)
        // One address inside is enough to refuse: the answer is either a mistake or an attempt.
        const inside = addresses.find(({ address }) => !this.#policy.allows(address))
        const [first] = addresses
        if (inside || !first) return callback(new BlockedError(hostname), '', 0)
        if (options.all) callback(null, addresses)
        else callback(null, first.address, first.family)
      })
    }
  }
}

class BlockedError extends Error {
  constructor(host: string) {
    super(`${host} is not allowed; ${SETTING} opens ranges`)
  }
}

const hostOf = (url: URL) => url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')

const notAllowed = (url: string) =>
  new WamuxError('URL_NOT_ALLOWED', `This URL leads into a private range. ${SETTING} opens ranges (CIDRs).`, {
    url,
    setting: SETTING,
  })

/** Seconds, or a date as HTTP writes it; anything else is no wish. */
export function readRetryAfter(header: string | string[] | undefined, now: number): { retryAfterMs?: number } {
  if (typeof header !== 'string' || header.trim() === '') return {}
  const wished = /^\s*\d+\s*$/.test(header)
    ? Number(header) * 1000
    : isHttpDate(header)
      ? Date.parse(header) - now
      : Number.NaN
  return Number.isNaN(wished) ? {} : { retryAfterMs: Math.min(Math.max(wished, SHORTEST_MS), LONGEST_MS) }
}

// Date.parse reads much that is no date of HTTP, "-5" among it.
const isHttpDate = (text: string) => /^\s*(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)

/** Short, and without what the receiver wrote: it is kept and shown. */
function describe(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return `no answer within ${ATTEMPT_MS / 1000} s`
  if (!(error instanceof Error)) return 'failed'
  const { cause, code } = error as Error & { code?: string }
  return (cause instanceof Error ? cause.message : code ? `${code}: ${error.message}` : error.message).slice(0, 200)
}
