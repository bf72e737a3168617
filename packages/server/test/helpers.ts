import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errorsOf, type Operation, operations, statusOf, type WebhookEvent } from '@wamux/contract'
import { createEmulator, type Emulator, trustEmulator } from '@wamux/emulator'
import { expect, onTestFinished } from 'vitest'
import { createServer, type Server, type ServerOptions } from '../src/index.ts'
import { httpServer } from './http-server.ts'

export const PASSWORD = 'correct horse battery staple'

type Cleanup = () => Promise<void>
/** Where what a helper started is ended: with the test, unless a file shares it. */
type Scope = (cleanup: Cleanup) => void

/** For `beforeAll`: what is started in `scope` is ended by the function that it returns. */
export function shared(): { scope: Scope; end: Cleanup } {
  const cleanups: Cleanup[] = []
  return {
    scope: (cleanup) => cleanups.push(cleanup),
    end: async () => {
      while (cleanups.length > 0) await cleanups.pop()?.()
    },
  }
}

/** A folder of one's own. */
export async function folder(scope: Scope = onTestFinished): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'wamux-server-'))
  scope(() => rm(path, { recursive: true, force: true }))
  return path
}

/** A network of one's own. The processes of test files are their own, so that one can trust it. */
export async function network(scope: Scope = onTestFinished): Promise<Emulator> {
  const emulator = await createEmulator()
  trustEmulator(emulator.rootPublicKey)
  scope(() => emulator.close())
  return emulator
}

/** A server on a free port, in a folder of its own. It knows an administrator. */
export async function started(
  options: ServerOptions = {},
  scope: Scope = onTestFinished,
): Promise<Api & { server: Server }> {
  const server = await createServer({
    port: 0,
    data: options.data ?? (await folder(scope)),
    adminPassword: PASSWORD,
    pacingMinMs: 0,
    pacingMaxMs: 0,
    // Without an emulator nothing may be dialled: port 9 of this machine refuses at once.
    baileys: { waWebSocketUrl: 'ws://127.0.0.1:9/ws/chat' },
    ...options,
  })
  scope(() => server.close())
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
    const reply = {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(text) : undefined,
      text,
    }
    assertContract(method, path, reply)
    return reply
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

/** Every answer of every test is one that the contract has: the status, the code, the fields. */
function assertContract(method: string, path: string, { status, headers, body }: Reply): void {
  expect(headers.get('x-request-id'), path).toMatch(/^[0-9a-f-]{36}$/)
  const operation = find(method, path)
  if (body?.success === false) {
    expect(body).toMatchObject({ error: expect.any(String), requestId: headers.get('x-request-id') })
    expect(statusOf[body.code as keyof typeof statusOf], `${body.code} ${body.error}`).toBe(status)
    // An unreadable URL, or a key in it, can come with every route.
    if (operation && body.code !== 'INVALID_INPUT') expect(errorsOf(operation), path).toContain(body.code)
  } else if (operation && body && !operation.media?.includes('application/json')) {
    expect(operation.success, path).toContain(status)
    expect(operation.data.safeParse(body.data).error, path).toBeUndefined()
    expect(Object.keys(body)).toEqual(['success', 'data', ...(operation.list ? ['nextCursor'] : [])])
  }
}

function find(method: string, path: string): Operation | undefined {
  const [pathname = ''] = path.split('?')
  const found = Object.values<Operation>(operations).filter(
    (operation) =>
      operation.method === method && new RegExp(`^${operation.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(pathname),
  )
  // A path that is written out goes before one with a parameter in the same place, as in the router.
  const parameters = ({ path: pattern }: Operation) => pattern.split('{').length
  return found.sort((a, b) => parameters(a) - parameters(b))[0]
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
  const { url } = await httpServer(async (request, response) => {
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
  return {
    url: `${url}webhook`,
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
