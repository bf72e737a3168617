import { connect } from 'node:net'
import { type Operation, operations } from '@wamux/contract'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import type { Server } from '../src/index.ts'
import { type Api, shared, started } from './helpers.ts'

const instances = '/api/instances'
let app: Api & { server: Server }

beforeAll(async () => {
  const { scope, end } = shared()
  app = await started({}, scope)
  return end
})

beforeEach(async () => {
  for (const { id } of (await app.admin('GET', instances)).body.data) await app.admin('DELETE', `${instances}/${id}`)
})

test('success and failure have the documented envelope', async () => {
  const { text } = await app.call('GET', '/health')
  expect(text).toBe('{"success":true,"data":{"status":"ok","version":"0.1.0"}}')
  const { body, headers } = await app.call('GET', instances)
  expect(Object.keys(body)).toEqual(['success', 'error', 'code', 'requestId'])
  expect(headers.get('cache-control')).toBe('no-store')
})

test.each([
  ['GET', '/nope'],
  ['GET', '/'],
  ['PUT', '/api/instances'],
  ['DELETE', '/health'],
  ['OPTIONS', '/api/send-message'],
  ['POST', '/api/send-message/extra'],
])('%s %s is no route: 404 in the envelope', async (method, path) => {
  const { status, body } = await app.call(method, path)
  expect([status, body.code]).toEqual([404, 'NOT_FOUND'])
})

test.each(['/%', '/api/instances/%zz', '/api/instances/%ff', '/api/instances/a/chats/%e0%a4/messages'])(
  'the URL %s cannot be read: 400 in the envelope',
  async (path) => {
    const { status, body } = await app.call('GET', path, { token: await app.token() })
    expect([status, body.code]).toEqual([400, 'INVALID_INPUT'])
  },
)

test.each([
  ['WHAT IS THIS\r\n\r\n', 400],
  ['GET health HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  [`GET /health HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`, 400],
  ['POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx', 400],
  ['POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  ['GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 404],
  ['GET //evil/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 404],
  ['TRACE /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 404],
  ['GET /health HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n', 200],
  ['GET /health HTTP/1.1\r\nConnection: close\r\n\r\n', 200],
  ['GET /health HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nConnection: close\r\n\r\n', 200],
])('on the wire %j is answered %i, in the envelope and with its id', async (raw, status) => {
  const { server } = app
  const text = await new Promise<string>((resolve, reject) => {
    let all = ''
    const socket = connect(server.port, '127.0.0.1', () => socket.write(raw))
    socket.on('data', (chunk) => {
      all += chunk
    })
    socket.on('close', () => resolve(all))
    socket.on('error', reject)
  })
  expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  expect(text).toMatch(/x-request-id: [0-9a-f-]{36}/)
  expect(text).toContain('{"success":')
})

const bad: [string, string | Uint8Array<ArrayBuffer>, string][] = [
  ['no JSON', 'hello', ''],
  ['half JSON', '{"id":', ''],
  ['an array', '[]', ''],
  ['null', 'null', ''],
  ['a string', '"id"', ''],
  ['a number', '1', ''],
  ['NaN', '{"port":NaN}', ''],
  ['bytes that are not UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d), ''],
  ['deep nesting', '['.repeat(100_000), ''],
  ['an unknown field', '{"surprise":1}', 'surprise'],
  ['__proto__', '{"__proto__":{"id":"x"}}', '__proto__'],
  ['constructor', '{"constructor":1}', 'constructor'],
  ['null for a field', '{"id":null}', 'id'],
  ['an object for a field', '{"id":{}}', 'id'],
  ['an id with a slash', '{"id":"a/b"}', 'id'],
  ['an id with dots', '{"id":".."}', 'id'],
  ['an id with a space at its end', '{"id":"a "}', 'id'],
  ['an id with NUL', '{"id":"a\\u0000"}', 'id'],
  ['an empty id', '{"id":""}', 'id'],
  ['65 characters of id', `{"id":"${'a'.repeat(65)}"}`, 'id'],
  ['an empty name', '{"name":""}', 'name'],
  ['a long name', `{"name":"${'n'.repeat(129)}"}`, 'name'],
  ['port 0', '{"port":0}', 'port'],
  ['port 65536', '{"port":65536}', 'port'],
  ['a port that is text', '{"port":"3010"}', 'port'],
  ['half a port', '{"port":3010.5}', 'port'],
  ['1e999', '{"port":1e999}', 'port'],
]

test.each(bad)('a new instance from %s is refused with the path, and none is made', async (_, raw, path) => {
  const token = await app.token()
  const { status, body } = await app.call('POST', instances, { raw, token })
  expect([status, body.code]).toEqual([400, 'INVALID_INPUT'])
  expect(body.details.issues.map((issue: { path: string }) => issue.path)).toContain(path)
  expect((await app.admin('GET', instances)).body.data).toEqual([])
  expect(({} as { id?: string }).id).toBeUndefined()
})

test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', ''])(
  'a body is JSON under the content type "%s" too',
  async (type) => {
    const headers = { 'content-type': type }
    const good = await app.call('POST', instances, { raw: '{"id":"a"}', token: await app.token(), headers })
    expect(good.status).toBe(201)
    const bad = await app.call('POST', instances, { raw: 'id=a', token: await app.token(), headers })
    expect([bad.status, bad.body.code]).toEqual([400, 'INVALID_INPUT'])
  },
)

const bodiless = Object.entries<Operation>(operations).filter(([, { method, body }]) => method !== 'GET' && !body)

test.each(bodiless)('%s takes no body', async (_, { method, path, who }) => {
  const { body: made } = await app.admin('POST', instances, {})
  const credential = who === 'instance' ? { key: made.data.apiKey } : { token: await app.token() }
  const to = path.replace('{id}', made.data.id).replace('{keyId}', 'none')
  for (const raw of ['garbage', '[]', 'null', '1', '{"surprise":1}']) {
    const { status, body } = await app.call(method, to, { raw, ...credential })
    expect([status, body.code], raw).toEqual([400, 'INVALID_INPUT'])
    expect(body.details.issues).toHaveLength(1)
    if (raw.includes('surprise')) expect(body.error).toBe('surprise is not known here')
  }
  const { status, body } = await app.call(method, to, { raw: 'x'.repeat(1024 * 1024 + 1), ...credential })
  expect([status, body.code]).toEqual([413, 'PAYLOAD_TOO_LARGE'])
  // It still does what it does.
  expect((await app.admin('GET', `${instances}/${made.data.id}`)).status).toBe(200)
})

test.each(['', ' ', '{}'])('"%s" is no body', async (raw) => {
  await app.admin('POST', instances, { id: 'a' })
  expect((await app.call('POST', `${instances}/a/stop`, { raw, token: await app.token() })).status).toBe(200)
})

test.each([
  ['{}', 'phone is missing'],
  ['{"phone":1,"message":"x"}', 'phone must be a text'],
  ['{"phone":"491234567890","message":""}', 'message must have 1 to 65536 characters'],
  ['{"phone":"491234567890","message":"x","nope":1}', 'nope is not known here'],
  ['{"phone":[],"message":"x"}', 'phone must be a text'],
  ['[]', 'The body must be an object'],
])('what is wrong with %s is said in a sentence', async (raw, error) => {
  await app.admin('POST', instances, { id: 'a' })
  const { body } = await app.call('POST', `${instances}/a/send-message`, { raw, token: await app.token() })
  expect(body.error).toBe(error)
  const paths = body.details.issues.map(({ path }: { path: string }) => path)
  expect(new Set(paths).size).toBe(paths.length)
})

test.each(['wapi_x', 'wapi', 'my_wapi_support'])('an instance may be called %s, and is reached', async (id) => {
  const { status, body } = await app.admin('POST', instances, { id })
  expect(status).toBe(201)
  expect((await app.call('GET', `${instances}/${id}`, { key: body.data.apiKey })).status).toBe(200)
})

test('but not like a key, in whose URL it could not be told from one', async () => {
  const id = `wapi_${'k'.repeat(12)}_${'s'.repeat(43)}`
  const { status, body } = await app.admin('POST', instances, { id })
  expect([status, body.details.issues[0].path]).toEqual([400, 'id'])
  for (const spelt of [id, id.replaceAll('_', '%5F'), id.replace('wapi', '%77api')]) {
    const { status, body } = await app.admin('GET', `${instances}/${spelt}`)
    expect([status, body.details.issues[0].path], spelt).toEqual([400, 'url'])
  }
})

test('a body of nothing is an object of nothing', async () => {
  expect((await app.admin('POST', instances)).status).toBe(201)
  const { body } = await app.call('POST', '/api/auth/login')
  expect(body.details.issues.map((issue: { path: string }) => issue.path)).toEqual(['username', 'password'])
})

test('more than 1 MiB is refused, with its length or without, and the connection ends', async () => {
  const token = await app.token()
  const raw = JSON.stringify({ name: 'n'.repeat(1024 * 1024) })
  const known = await app.call('POST', instances, { raw, token })
  expect([known.status, known.body.code, known.body.details]).toEqual([413, 'PAYLOAD_TOO_LARGE', { limit: 1048576 }])
  expect(known.headers.get('connection')).toBe('close')
  const chunked = await fetch(app.server.url + instances, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: new Blob([raw]).stream(),
    duplex: 'half',
  } as RequestInit)
  expect(chunked.status).toBe(413)
  // Whoever asks next is not taken for the rest of that body.
  expect((await app.admin('GET', instances)).body.data).toEqual([])
})

test.each([
  ['limit=0', 'limit'],
  ['limit=501', 'limit'],
  ['limit=ten', 'limit'],
  ['limit=', 'limit'],
  ['limit=1&limit=2', 'limit'],
  ['cursor=nonsense', 'cursor'],
  ['cursor=', 'cursor'],
  ['page=2', 'page'],
])('a list with ?%s is refused with the path', async (query, path) => {
  await app.admin('POST', instances, { id: 'a' })
  for (const list of ['', '/a/keys', '/a/chats', '/a/messages/recent', '/a/chats/491234567890@c.us/messages']) {
    const { status, body } = await app.admin('GET', `${instances}${list}?${query}`)
    expect([status, body.code, body.details.issues[0].path], list).toEqual([400, 'INVALID_INPUT', path])
  }
})

test('a bad item of a batch is named, and a message needs words', async () => {
  await app.admin('POST', instances, { id: 'a' })
  const good = { phone: '491234567890', message: 'Hallo' }
  const bulk = async (messages: unknown) => {
    const { body, status } = await app.admin('POST', `${instances}/a/send-bulk`, { messages })
    return [status, body.details?.issues?.[0].path]
  }
  expect(await bulk([good, good, good, { ...good, phone: 1 }])).toEqual([400, 'messages[3].phone'])
  expect(await bulk([good, { phone: '491234567890' }])).toEqual([400, 'messages[1].message'])
  expect(await bulk([{ ...good, extra: 1 }])).toEqual([400, 'messages[0].extra'])
  expect(await bulk([good, good, good, { ...good, phone: '0151 234567' }])).toEqual([400, 'messages[3].phone'])
  expect(await bulk([])).toEqual([400, 'messages'])
  expect(await bulk(Array.from({ length: 1001 }, () => good))).toEqual([400, 'messages'])
  const empty = await app.admin('POST', `${instances}/a/send-message`, { ...good, message: '' })
  expect([empty.status, empty.body.details.issues[0].path]).toEqual([400, 'message'])
})

test.each(['', 'abc', '0151234567', '+49 0', '123456', '1234567890123456', '49123456789a', '@c.us'])(
  'the phone "%s" is refused by name',
  async (phone) => {
    await app.admin('POST', instances, { id: 'a' })
    const { status, body } = await app.admin('POST', `${instances}/a/send-message`, { phone, message: 'Hallo' })
    expect([status, body.code, body.details.issues[0].path]).toEqual([400, 'INVALID_INPUT', 'phone'])
  },
)

test('what cannot be sent is the documented 503', async () => {
  const { body: created } = await app.admin('POST', instances, { id: 'a' })
  await app.admin('POST', `${instances}/a/stop`)
  const key = created.data.apiKey
  const send = { body: { phone: '491234567890', message: 'Hallo' }, key }
  const sent = await app.call('POST', '/api/send-message', send)
  expect(sent.status).toBe(503)
  expect(sent.text).toBe(
    '{"success":false,"error":"WhatsApp not connected","code":"WHATSAPP_DISCONNECTED","details":{"state":"stopped"},' +
      `"requestId":"${sent.headers.get('x-request-id')}"}`,
  )
  const bulk = await app.call('POST', '/api/send-bulk', { body: { messages: [send.body] }, key })
  expect([bulk.status, bulk.body.code]).toEqual([503, 'WHATSAPP_DISCONNECTED'])
  for (const route of ['check-number', 'contact']) {
    const { status, body } = await app.call('GET', `/api/${route}/491234567890`, { key })
    expect([status, body.code]).toEqual([503, 'WHATSAPP_DISCONNECTED'])
  }
})

test('an error of a chat id says which', async () => {
  await app.admin('POST', instances, { id: 'a' })
  const { status, body } = await app.admin('GET', `${instances}/a/chats/nonsense/messages`)
  expect([status, body.code, body.details]).toEqual([400, 'INVALID_CHAT_ID', { chatId: 'nonsense' }])
})

test('HEAD answers like GET, without the body', async () => {
  const response = await fetch(`${app.server.url}/health`, { method: 'HEAD' })
  expect([response.status, await response.text()]).toEqual([200, ''])
})

test('the description of the API is served as it is', async () => {
  const { body } = await app.call('GET', '/openapi.json')
  expect(body).toMatchObject({ openapi: '3.1.0', servers: [{ url: '/' }] })
})
