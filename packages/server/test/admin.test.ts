import { generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { createServer } from '../src/index.ts'
import type { Clock } from '../src/webhooks/clock.ts'
import { api, folder, PASSWORD, started } from './helpers.ts'

/** A clock that stands still until it is turned. */
function clockAt(start: number): Clock & { turn(ms: number): void } {
  let now = start
  return {
    now: () => now,
    steady: () => now,
    wake: () => () => {},
    turn: (ms) => {
      now += ms
    },
  }
}

const login = { username: 'admin', password: PASSWORD }
const START = Date.UTC(2026, 0, 1)

test('a login gives a token for an hour', async () => {
  const clock = clockAt(START)
  const app = await started({ clock })
  const { status, body } = await app.call('POST', '/api/auth/login', { body: login })
  expect([status, body.data.expiresAt]).toEqual([200, START + 3_600_000])
  const { token } = body.data
  expect((await app.call('GET', '/api/instances', { token })).status).toBe(200)
  clock.turn(3_599_000)
  expect((await app.call('GET', '/api/instances', { token })).status).toBe(200)
  clock.turn(1_000)
  expect((await app.call('GET', '/api/instances', { token })).status).toBe(401)
})

test('wrong names and wrong passwords get the same answer', async () => {
  const app = await started()
  const [name, password] = await Promise.all([
    app.call('POST', '/api/auth/login', { body: { ...login, username: 'root' } }),
    app.call('POST', '/api/auth/login', { body: { ...login, password: 'wrong' } }),
  ])
  expect([name.status, name.body.error]).toEqual([401, password.body.error])
  expect(password.status).toBe(401)
})

test('guessing is slowed down, also by many at once, and a restart does not forget it', async () => {
  const clock = clockAt(START)
  const data = await folder()
  const first = await started({ clock, data })
  const guess = (app: typeof first, password = 'wrong') =>
    app.call('POST', '/api/auth/login', { body: { ...login, password } })
  const statuses = (await Promise.all(Array.from({ length: 12 }, () => guess(first)))).map(({ status }) => status)
  expect(statuses.filter((status) => status === 401)).toHaveLength(5)
  expect(statuses.filter((status) => status === 429)).toHaveLength(7)
  const refused = await guess(first, PASSWORD)
  expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([429, 'RATE_LIMITED', '30'])
  await first.server.close()

  const second = await started({ clock, data })
  expect((await guess(second, PASSWORD)).status).toBe(429)
  clock.turn(30_000)
  expect((await guess(second)).status).toBe(401)
  expect((await guess(second)).body.details).toEqual({ retryAfterMs: 60_000 })
  clock.turn(60_000)
  expect((await guess(second, PASSWORD)).status).toBe(200)
  // The right password forgets what was counted.
  expect((await guess(second)).status).toBe(401)
  expect((await guess(second)).status).toBe(401)
})

test('a new password ends the tokens of the old one, and only then', async () => {
  const data = await folder()
  const first = await started({ data })
  const token = await first.token()
  await first.server.close()
  const second = await started({ data })
  expect((await second.call('GET', '/api/instances', { token })).status).toBe(200)
  await second.server.close()
  const third = await started({ data, adminPassword: 'another long password' })
  expect((await third.call('GET', '/api/instances', { token })).status).toBe(401)
  expect((await third.call('POST', '/api/auth/login', { body: login })).status).toBe(401)
})

test('tokens that somebody else made are none', async () => {
  const app = await started()
  const [header, payload, signature] = (await app.token()).split('.') as [string, string, string]
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const make = (changes: object) =>
    new SignJWT({ ...claims, ...changes }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from('secret'))
  const tokens = [
    `${encode({ alg: 'none' })}.${payload}.`,
    `${encode({ alg: 'None' })}.${payload}.${signature}`,
    `${header}.${encode({ ...claims, exp: claims.exp + 1 })}.${signature}`,
    `${header}.${payload}.`,
    `${header}.${payload}`,
    await make({}),
    await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: '../../secret' }).sign(privateKey),
    'a'.repeat(8000),
  ]
  for (const token of tokens) expect((await app.call('GET', '/api/instances', { token })).status).toBe(401)
})

test('without an administrator the admin routes wait for the set-up, which works once', async () => {
  const clock = clockAt(START)
  const data = await folder()
  const server = await createServer({ port: 0, data, clock })
  const app = api(server.url)
  const token = server.setupToken
  expect(token).toMatch(/^[\w-]{43}$/)
  for (const [method, path] of [
    ['GET', '/api/instances'],
    ['POST', '/api/auth/login'],
    ['GET', '/api/instances/a'],
  ] as const) {
    const { status, body } = await app.call(method, path, method === 'POST' ? { body: login } : {})
    expect([status, body.code], path).toEqual([503, 'SETUP_REQUIRED'])
  }
  expect((await app.call('GET', '/health')).status).toBe(200)

  const setup = (changes: object) => app.call('POST', '/api/auth/setup', { body: { ...login, token, ...changes } })
  expect((await setup({ token: 'x'.repeat(43) })).status).toBe(401)
  expect((await setup({ password: 'short' })).body.details.issues[0].path).toBe('password')
  const both = await Promise.all([setup({}), setup({ username: 'other' })])
  expect(both.map(({ status }) => status).sort()).toEqual([200, 401])
  const done = both.find(({ status }) => status === 200)
  expect((await app.call('GET', '/api/instances', { token: done?.body.data.token })).status).toBe(200)
  expect((await setup({})).status).toBe(401)
  await server.close()

  const again = await createServer({ port: 0, data, clock })
  expect(again.setupToken).toBeUndefined()
  await again.close()
})

test('a set-up token cannot be guessed, so that guesses lock nobody out', async () => {
  const server = await createServer({ port: 0, data: await folder() })
  const app = api(server.url)
  const setup = (token: string | undefined) => app.call('POST', '/api/auth/setup', { body: { ...login, token } })
  for (let count = 0; count < 30; count++) expect((await setup('x'.repeat(43))).status).toBe(401)
  expect((await setup(server.setupToken)).status).toBe(200)
  await server.close()
})

test('a set-up token is good for 15 minutes', async () => {
  const clock = clockAt(START)
  const server = await createServer({ port: 0, data: await folder(), clock })
  clock.turn(15 * 60_000)
  const body = { ...login, token: server.setupToken }
  expect((await api(server.url).call('POST', '/api/auth/setup', { body })).status).toBe(401)
  await server.close()
})

test('a public host without an administrator refuses to start, and leaves the folder free', async () => {
  const data = await folder()
  await expect(createServer({ port: 0, data, host: '0.0.0.0' })).rejects.toThrow('WAMUX_ADMIN_PASSWORD')
  const app = await started({ data, host: '0.0.0.0' })
  expect((await app.call('GET', '/health')).status).toBe(200)
})

test('health tells an administrator more, and a wrong token nothing', async () => {
  const app = await started()
  await app.admin('POST', '/api/instances', { id: 'a' })
  await app.admin('POST', '/api/instances/a/stop')
  const { body } = await app.admin('GET', '/health')
  expect(body.data.sessions).toMatchObject({ stopped: 1, ready: 0 })
  expect(body.data.queue).toEqual({ depth: 0, oldestAt: null })
  expect(body.data.unhandledRejections).toBe(0)
  expect((await app.call('GET', '/health', { token: 'abc' })).status).toBe(401)
})

test('keys can be made, seen and revoked', async () => {
  const app = await started()
  const { body } = await app.admin('POST', '/api/instances', { id: 'a' })
  const first = body.data.apiKey
  expect(first).toMatch(/^wapi_[A-Za-z0-9]{12}_[A-Za-z0-9]{43}$/)
  const second = (await app.admin('POST', '/api/instances/a/keys')).body.data
  const works = async (key: string) => (await app.call('GET', '/api/instances/a', { key })).status
  expect([await works(first), await works(second.apiKey)]).toEqual([200, 200])
  const list = await app.admin('GET', '/api/instances/a/keys')
  expect(list.text).not.toContain(second.apiKey.slice(18))
  expect(list.body.data).toHaveLength(2)
  const page = await app.admin('GET', '/api/instances/a/keys?limit=1')
  const rest = await app.admin('GET', `/api/instances/a/keys?limit=1&cursor=${page.body.nextCursor}`)
  expect([...page.body.data, ...rest.body.data]).toEqual(list.body.data)
  expect(rest.body.nextCursor).toBeNull()
  for (const _ of [1, 2]) expect((await app.admin('DELETE', `/api/instances/a/keys/${second.id}`)).status).toBe(200)
  expect([await works(first), await works(second.apiKey)]).toEqual([200, 401])
  expect((await app.admin('DELETE', '/api/instances/a/keys/none')).body.code).toBe('NOT_FOUND')
})
