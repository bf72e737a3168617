import { type Operation, operations } from '@wamux/contract'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Api, type Reply, shared, started } from './helpers.ts'

// One server for the whole matrix: nothing in it may change anything that the next row depends on.
let app: Api
let keyA: string
let keyB: string
let revoked: string
let token: string

beforeAll(async () => {
  const { scope, end } = shared()
  app = await started({}, scope)
  token = await app.token()
  const create = async (id: string) => (await app.admin('POST', '/api/instances', { id })).body.data.apiKey
  keyA = await create('a')
  keyB = await create('b')
  const extra = (await app.admin('POST', '/api/instances/a/keys')).body.data
  revoked = extra.apiKey
  await app.admin('DELETE', `/api/instances/a/keys/${extra.id}`)
  return end
})

const all = Object.entries<Operation>(operations)
const locked = all.filter(([, { who }]) => who !== 'none')
const pathOf = ({ path }: Operation, id = 'a') =>
  path
    .replace('{id}', id)
    .replace('{chatId}', '491234567890@c.us')
    .replace('{phone}', '491234567890')
    .replace('{batchId}', 'none')
    .replace('{keyId}', 'none')
    .replace('{webhookId}', 'none')

// A body that no route accepts: whoever gets past the door is told so, and nothing is done. A GET has none and does nothing.
const refused = { surprise: true }
const passed = ({ status, body }: Reply) =>
  ![401, 403].includes(status) && body.code !== 'INSTANCE_NOT_FOUND' && body.code !== 'SETUP_REQUIRED'
const body = ({ method }: Operation) => (method === 'GET' ? {} : { body: refused })

describe.each(locked)('%s', (_, operation) => {
  const call = (options: object, id?: string) =>
    app.call(operation.method, pathOf(operation, id), { ...body(operation), ...options })

  const wrong: [string, () => object][] = [
    ['no credential', () => ({})],
    ['an empty key', () => ({ key: '' })],
    ['a space', () => ({ key: ' ' })],
    ['a made-up key', () => ({ key: `wapi_${'a'.repeat(12)}_${'b'.repeat(43)}` })],
    ['a truncated key', () => ({ key: keyA.slice(0, -1) })],
    ['a key with one letter more', () => ({ key: `${keyA}x` })],
    ['the id of a key with another secret', () => ({ key: keyA.slice(0, -1) + (keyA.endsWith('a') ? 'b' : 'a') })],
    ['a key in lower case', () => ({ key: keyA.toLowerCase() })],
    ['a revoked key', () => ({ key: revoked })],
    ['two keys', () => ({ key: `${keyA}, ${keyA}` })],
    ['a key as a bearer token', () => ({ token: keyA })],
    ['the token as a key', () => ({ key: token })],
    ['a token that is none', () => ({ token: 'abc' })],
    ['a token with another signature', () => ({ token: `${token.slice(0, -4)}AAAA` })],
    ['a token with another scheme', () => ({ headers: { authorization: `Basic ${token}` } })],
    ['a valid key beside a wrong token', () => ({ key: keyA, token: 'abc' })],
    ['a valid token beside a wrong key', () => ({ key: 'wapi_x', token })],
    ['a key in a cookie', () => ({ headers: { cookie: `x-api-key=${keyA}` } })],
    ['a key in another header', () => ({ headers: { 'api-key': keyA } })],
  ]

  test.each(wrong)('%s: 401', async (_, options) => {
    const { status, body, headers } = await call(options())
    expect([status, body.code]).toEqual([401, 'UNAUTHENTICATED'])
    expect(headers.get('www-authenticate')).toBe('Bearer')
  })

  test('a key in the URL: 400, also beside a valid credential', async () => {
    const path = `${pathOf(operation)}?apiKey=${keyA}`
    const { status, body } = await app.call(operation.method, path, { token })
    expect([status, body.code]).toEqual([400, 'INVALID_INPUT'])
  })

  if (operation.who === 'instance') {
    test('the admin token: 403', async () => expect((await call({ token })).status).toBe(403))
  }
  if (operation.who === 'admin') {
    test("an instance's own key: 403", async () => expect((await call({ key: keyA })).status).toBe(403))
  }
  if (operation.who !== 'instance') {
    test('the admin token passes', async () => expect(passed(await call({ token }))).toBe(true))
    test('the scheme may be written in any case', async () =>
      expect(passed(await call({ headers: { authorization: `bearer ${token}` } }))).toBe(true))
  }
  if (operation.who !== 'admin') {
    test("the instance's key passes", async () => expect(passed(await call({ key: keyA }))).toBe(true))
    test('the key in a header of any case passes', async () =>
      expect(passed(await call({ headers: { 'X-API-KEY': keyA } }))).toBe(true))
  }
  if (operation.path.includes('{id}')) {
    test("another instance's key is answered as if there were no such instance", async () => {
      const [foreign, nobody] = await Promise.all([call({ key: keyB }, 'a'), call({ key: keyB }, 'nobody')])
      expect(foreign.status).toBe(404)
      const plain = ({ body: { requestId: _, ...rest } }: Reply) => JSON.stringify(rest).replaceAll('nobody', 'a')
      expect(plain(foreign)).toBe(plain(nobody))
    })
  }
  if (operation.path.includes('{id}') && operation.method !== 'DELETE') {
    test('an instance that does not exist: 404', async () => {
      const { status, body } = await call({ token }, 'nobody')
      expect([status, body.code]).toEqual([404, 'INSTANCE_NOT_FOUND'])
    })
  }
})

test('nothing of all that has changed anything', async () => {
  const { body } = await app.admin('GET', '/api/instances')
  expect(body.data.map(({ id, name, port }: { id: string; name: string; port: null }) => [id, name, port])).toEqual([
    ['b', 'b', null],
    ['a', 'a', null],
  ])
  expect((await app.admin('GET', '/api/instances/a/webhook')).status).toBe(404)
  expect((await app.admin('GET', '/api/instances/a/keys')).body.data).toHaveLength(2)
})

test('an instance is named by the path alone', async () => {
  const attempts = [
    app.call('GET', '/api/instances/a?id=b', { key: keyB }),
    app.call('GET', '/api/instances/a', { key: keyB, headers: { 'x-instance': 'b', 'x-instance-id': 'b' } }),
    app.call('GET', '/api/instances/b%2f..%2fa', { key: keyB }),
    app.call('GET', '/api/instances/A', { key: keyA }),
    app.call('GET', '/api/instances/a%00', { key: keyA }),
    app.call('GET', '/api/instances/a.', { key: keyA }),
    app.call('GET', '/api/instances/a;x=b', { key: keyB }),
  ]
  for (const { status } of await Promise.all(attempts)) expect(status).toBe(404)
})
