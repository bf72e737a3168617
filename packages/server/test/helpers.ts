import { mkdtemp, rm } from 'node:fs/promises'
import { createServer as createHttpServer, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WebhookEvent } from '@wamux/contract'
import { createEmulator, type Emulator, trustEmulator } from '@wamux/emulator'
import { onTestFinished } from 'vitest'
import { createServer, type Server, type ServerOptions } from '../src/index.ts'

export const PASSWORD = 'correct horse battery staple'

/** A folder that goes with the test. */
export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'wamux-server-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

/** A network that goes with the test. The processes of test files are their own, so that one can trust it. */
export async function network(): Promise<Emulator> {
  const emulator = await createEmulator()
  trustEmulator(emulator.rootPublicKey)
  onTestFinished(() => emulator.close())
  return emulator
}

/** A server on a free port, in a folder of its own, that goes with the test. It knows an administrator. */
export async function started(options: ServerOptions = {}): Promise<Api & { server: Server }> {
  const server = await createServer({
    port: 0,
    data: options.manager ? '' : (options.data ?? (await folder())),
    adminPassword: PASSWORD,
    pacingMinMs: 0,
    pacingMaxMs: 0,
    // Without an emulator nothing may be dialled: port 9 of this machine refuses at once.
    baileys: { waWebSocketUrl: 'ws://127.0.0.1:9/ws/chat' },
    ...options,
  })
  onTestFinished(() => server.close())
  return Object.assign(api(server.url), { server })
}

export interface Reply {
  status: number
  headers: Headers
  // Tests look into it as a reader of JSON does.
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what is tested
  body: any
  text: string
}

export interface Api {
  call(method: string, path: string, options?: CallOptions): Promise<Reply>
  /** A call with the admin token. */
  admin(method: string, path: string, body?: unknown): Promise<Reply>
  token(): Promise<string>
}

export interface CallOptions {
  body?: unknown
  /** Sent as it is instead of `body`. */
  raw?: string | Uint8Array<ArrayBuffer>
  token?: string
  key?: string
  headers?: Record<string, string>
}

export function api(url: string): Api {
  let token: Promise<string> | undefined
  const call: Api['call'] = async (method, path, { body, raw, token, key, headers } = {}) => {
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body))
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(content !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(key !== undefined && { 'x-api-key': key }),
        ...headers,
      },
      ...(content !== undefined && { body: content }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json')
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : undefined, text }
  }
  const login = async () =>
    (await call('POST', '/api/auth/login', { body: { username: 'admin', password: PASSWORD } })).body.data.token
  const given = () => {
    token ??= login()
    return token
  }
  return {
    call,
    token: given,
    admin: async (method, path, body) =>
      call(method, path, { token: await given(), ...(body !== undefined && { body }) }),
  }
}

/** An instance that is linked to a phone of the network and ready. */
export async function linked(
  to: Api & { server: Server },
  emulator: Emulator,
  { id = 'demo', phone = '4915100000001' } = {},
): Promise<{ id: string; key: string; phone: string }> {
  const ready = new Promise<void>((resolve) => {
    to.server.manager.on('ready', ({ sessionId }) => {
      if (sessionId === id) resolve()
    })
  })
  const qr = new Promise<string>((resolve) => {
    to.server.manager.on('qr', ({ sessionId, data }) => {
      if (sessionId === id) resolve(data.qr)
    })
  })
  const { body } = await to.admin('POST', '/api/instances', { id })
  await emulator.phone(phone, { name: 'Demo' }).scans(await qr)
  await ready
  return { id, key: body.data.apiKey, phone }
}

export interface Received {
  headers: IncomingHttpHeaders
  body: string
  event: WebhookEvent
}

/** A real HTTP receiver. Answers with what `reply` says for each request, 200 by default. */
export async function receiver(reply: (received: Received, count: number) => number | Promise<number> = () => 200) {
  const all: Received[] = []
  const waiting: { matches: (received: Received) => boolean; resolve: (received: Received) => void }[] = []
  const server = createHttpServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const received: Received = { headers: request.headers, body, event: JSON.parse(body) }
    all.push(received)
    for (const wanted of waiting.filter(({ matches }) => matches(received))) {
      waiting.splice(waiting.indexOf(wanted), 1)
      wanted.resolve(received)
    }
    response.statusCode = await reply(received, all.length)
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  })
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}/webhook`,
    all,
    /** The first request that matches, at once when it has already come. */
    next: (matches: (received: Received) => boolean = () => true): Promise<Received> => {
      const found = all.find(matches)
      return found ? Promise.resolve(found) : new Promise((resolve) => waiting.push({ matches, resolve }))
    },
    /** The first `count` requests. */
    count: async (count: number): Promise<Received[]> => {
      while (all.length < count) await new Promise((resolve) => waiting.push({ matches: () => true, resolve }))
      return all.slice(0, count)
    },
  }
}
