import { type FetchResponse, ofetch } from 'ofetch'
import { type Calls, type ErrorBody, operations } from './contract.gen.ts'
import { toClientError, WamuxClientError } from './errors.ts'
import { retrying } from './retry.ts'

/** Where the server is and who asks. */
export interface ClientOptions {
  /** Where the server is: `http://127.0.0.1:3000`. */
  url: string
  /** An instance's key, `wapi_…`. */
  apiKey?: string
  /** An admin token; `client.login()` gets one. */
  token?: string
  /** How long an answer may take. Default 30,000 ms: a send alone may wait 8 s. */
  timeoutMs?: number
  /** How often a send that got no answer is tried again, under the same idempotency key. Default 5; 0 is never. */
  retries?: number
}

type Name = keyof Calls

/** What a route is given: only what it takes. */
export type Input<N extends Name> = Pick<Calls[N], Extract<keyof Calls[N], 'params' | 'query' | 'body'>>

export interface Result<N extends Name> {
  data: Calls[N]['data']
  /** Of lists only; null on the last page. */
  nextCursor: string | null
}

interface Request {
  method: string
  query: object | undefined
  body: object | undefined
  headers: Record<string, string>
}

/** Speaks HTTP, and is the one place that does: a route of the contract in, its data or a WamuxClientError out. */
export class Http {
  readonly #options: ClientOptions
  #token: string | undefined

  constructor(options: ClientOptions) {
    const { protocol } = new URL(options.url)
    if (protocol !== 'http:' && protocol !== 'https:') throw new TypeError(`${options.url} is not an HTTP URL.`)
    this.#options = { ...options, url: options.url.replace(/\/+$/, '') }
    this.#token = options.token
  }

  /** Every later call carries this token. */
  useToken(token: string): void {
    this.#token = token
  }

  /** A call that may be made again, because the server answers the repeat as it answered the first. */
  async callOnce<N extends Name>(name: N, input: Input<N>, idempotencyKey: string | undefined): Promise<Result<N>> {
    // Only now: from here on it is the same request, however often it is made.
    const key = idempotencyKey ?? crypto.randomUUID()
    return retrying(() => this.call(name, input, { 'idempotency-key': key }), this.#options.retries)
  }

  async call<N extends Name>(name: N, input: Input<N>, headers: Record<string, string> = {}): Promise<Result<N>> {
    const { method, path } = operations[name]
    // A route without one of the three simply has no such key.
    const { params = {}, query, body } = input as { params?: Record<string, string>; query?: object; body?: object }
    const url = this.#options.url + fill(path, params)
    const response = await this.#send(url, { method, query, body, headers })
    const answer: unknown = response._data
    if (!isSuccess(answer)) throw toClientError(response.status, answer, response.headers)
    // The server's schemas are checked against the same types that Calls is made of.
    return { data: answer.data as Calls[N]['data'], nextCursor: answer.nextCursor ?? null }
  }

  /** A route that answers with a stream; the body, as it comes. @throws what {@link call} throws when there is none */
  async stream<N extends Name>(
    name: N,
    input: Input<N>,
    signal: AbortSignal | undefined,
  ): Promise<ReadableStream<Uint8Array>> {
    const { method, path } = operations[name]
    const { params = {}, query = {} } = input as { params?: Record<string, string>; query?: object }
    const url = this.#options.url + fill(path, params)
    const texts = Object.entries(query).map(([key, value]) => [key, String(value)])
    let response: FetchResponse<ReadableStream<Uint8Array>>
    try {
      response = await ofetch.raw<ReadableStream<Uint8Array>, 'stream'>(url, {
        method,
        query: Object.fromEntries(texts),
        headers: { ...this.#credentials(), accept: 'text/event-stream' },
        responseType: 'stream',
        retry: false,
        redirect: 'error',
        ignoreResponseError: true,
        ...(signal && { signal }),
      })
    } catch (error) {
      throw noAnswer(url, error)
    }
    const { body, headers, status } = response
    if (body && headers.get('content-type')?.startsWith('text/event-stream')) return body
    throw toClientError(status, parse(await new Response(body).text()), headers)
  }

  #credentials(): Record<string, string> {
    const { apiKey } = this.#options
    return {
      ...(apiKey !== undefined && { 'x-api-key': apiKey }),
      ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
    }
  }

  async #send(url: string, { method, query, body, headers }: Request): Promise<FetchResponse<unknown>> {
    const { timeoutMs = 30_000 } = this.#options
    try {
      return await ofetch.raw(url, {
        method,
        ...(query && { query }),
        ...(body && { body }),
        headers: { ...this.#credentials(), ...headers, accept: 'application/json' },
        timeout: timeoutMs,
        // What may be tried again has a key, and goes through callOnce.
        retry: false,
        redirect: 'error',
        ignoreResponseError: true,
        parseResponse: (text) => parse(text),
      })
    } catch (error) {
      throw noAnswer(url, error)
    }
  }
}

function noAnswer(url: string, cause: unknown): WamuxClientError {
  return new WamuxClientError('UNREACHABLE', `No answer from ${new URL(url).origin}.`, { details: { url } }, { cause })
}

/** What is not JSON is not an answer of wamux; the text helps to see what it is. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function fill(path: string, params: Record<string, string>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name] ?? ''
    // URLs take these as steps through the path, encoded or not: they would call another route.
    if (value === '' || value === '.' || value === '..') {
      const issues = [{ path: name, message: 'must not be empty or dots' }]
      throw new WamuxClientError('INVALID_INPUT', `${name} must not be empty or dots.`, { details: { issues } })
    }
    return encodeURIComponent(value)
  })
}

type Success = { success: true; data: unknown; nextCursor?: string | null }

function isSuccess(answer: unknown): answer is Success {
  return typeof answer === 'object' && answer !== null && (answer as Success | ErrorBody).success === true
}
