import { journal } from '@wamux/core/stores'
import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import type { ServerOptions } from '../src/index.ts'
import { receiver, started } from './helpers.ts'

const path = '/api/instances/a/webhooks'

/** A server with the instance `a`, which is not linked: its events are written by hand. */
async function setUp(options: ServerOptions = {}) {
  const app = await started({ allowLoopback: true, ...options })
  await app.admin('POST', '/api/instances', { id: 'a' })
  await app.admin('POST', '/api/instances/a/stop')
  const { manager } = app.server
  return {
    app,
    happens: async (name: string) => {
      const data = { phone: '491234567890', lid: null, name, timestamp: 1 }
      await manager.store.write(() => journal.append('a', 'ready', null, 1, data))
    },
  }
}

test('several webhooks are made, shown, changed and removed; their secrets and header values are not shown', async () => {
  const { app } = await setUp()
  const made = await app.admin('POST', path, {
    url: 'http://127.0.0.1:9/x',
    events: ['message', 'ready'],
    headers: { Authorization: 'Bearer hush' },
  })
  expect(made.body.data).toEqual({
    id: expect.stringMatching(/^wh_[0-9a-f]{16}$/),
    name: '127.0.0.1:9',
    url: 'http://127.0.0.1:9/x',
    events: ['message', 'ready'],
    headerNames: ['authorization'],
    enabled: true,
    disabledReason: null,
    failingSince: null,
    hasSecret: true,
    oldSecretUntil: null,
    cursor: 0,
    createdAt: expect.any(Number),
    secret: expect.stringMatching(/^whsec_/),
  })
  const { secret, ...shown } = made.body.data
  await app.admin('POST', path, { url: 'http://127.0.0.1:9/y', name: 'Zwei', secret: null })
  const all = await app.admin('GET', path)
  expect(all.body.data.map(({ name, hasSecret }: { name: string; hasSecret: boolean }) => [name, hasSecret])).toEqual(
    expect.arrayContaining([
      ['Zwei', false],
      ['127.0.0.1:9', true],
    ]),
  )
  const first = await app.admin('GET', `${path}?limit=1`)
  const rest = await app.admin('GET', `${path}?limit=1&cursor=${first.body.nextCursor}`)
  expect([rest.body.data.length, rest.body.nextCursor]).toEqual([1, null])
  const one = `${path}/${shown.id}`
  expect((await app.admin('GET', one)).body.data).toEqual(shown)
  const changed = await app.admin('PATCH', one, { name: 'Eins', events: null, enabled: false })
  expect(changed.body.data).toEqual({ ...shown, name: 'Eins', events: null, enabled: false })
  for (const reply of [all, changed]) for (const word of [secret, 'hush']) expect(reply.text).not.toContain(word)
  for (const _ of [1, 2]) expect((await app.admin('DELETE', one)).status).toBe(200)
  expect((await app.admin('GET', one)).body.code).toBe('NOT_FOUND')
})

test('the documented webhook is the one called default', async () => {
  const { app } = await setUp()
  await app.admin('POST', '/api/instances/a/webhook', { url: 'http://127.0.0.1:9/x' })
  expect((await app.admin('GET', path)).body.data).toMatchObject([{ id: 'default', name: 'default', events: null }])
  await app.admin('PATCH', `${path}/default`, { url: 'http://127.0.0.1:9/y', secret: 's' })
  expect((await app.admin('GET', '/api/instances/a/webhook')).body.data).toEqual({
    url: 'http://127.0.0.1:9/y',
    hasSecret: true,
  })
  await app.admin('DELETE', `${path}/default`)
  expect((await app.admin('GET', '/api/instances/a/webhook')).status).toBe(404)
})

const url = 'http://127.0.0.1:9/'
const refused: [why: string, wrong: object, field: string][] = [
  ['a header that HTTP needs', { headers: { Host: 'x' } }, 'headers'],
  ['a header of the length', { headers: { 'content-length': '1' } }, 'headers'],
  ['a header of the signature', { headers: { 'Webhook-Id': 'x' } }, 'headers'],
  ['the other header of the signature', { headers: { 'x-hub-signature-256': 'x' } }, 'headers'],
  ['a header of a proxy', { headers: { 'Proxy-Authorization': 'x' } }, 'headers'],
  ['a line break in a header', { headers: { a: 'x\r\nhost: y' } }, 'headers'],
  ['a name that is none', { headers: { 'a b': 'x' } }, 'headers'],
  ['a header twice', { headers: { A: 'x', a: 'y' } }, 'headers'],
  ['an event that there is not', { events: ['message', 'sun'] }, 'events'],
  ['no event at all', { events: [] }, 'events'],
  ['a secret that is no base64', { secret: 'whsec_%' }, 'secret'],
  ['a URL that is none', { url: 'x' }, 'url'],
]

test('what cannot be sent is refused by its name, and nothing is made', async () => {
  const { app } = await setUp()
  for (const [why, wrong, field] of refused) {
    const { status, body } = await app.admin('POST', path, { url, ...wrong })
    expect([status, body.code], why).toEqual([400, 'INVALID_INPUT'])
    expect(body.details.issues[0].path, why).toMatch(new RegExp(`^${field}`))
  }
  expect((await app.admin('GET', path)).body.data).toEqual([])
})

test('a URL inside is refused, also where it is changed, and there are 20 at most', async () => {
  const { app } = await setUp({ allowLoopback: false, outboundAllow: ['10.1.0.0/16'] })
  expect((await app.admin('POST', path, { url })).body.code).toBe('URL_NOT_ALLOWED')
  const made = await app.admin('POST', path, { url: 'http://10.1.2.3/' })
  const one = `${path}/${made.body.data.id}`
  expect((await app.admin('PATCH', one, { url })).body.code).toBe('URL_NOT_ALLOWED')
  expect((await app.admin('GET', one)).body.data.url).toBe('http://10.1.2.3/')
  for (let n = 1; n < 20; n++) await app.admin('POST', path, { url: 'http://10.1.2.3/' })
  expect((await app.admin('POST', path, { url: 'http://10.1.2.3/' })).body.code).toBe('INVALID_INPUT')
})

test('a secret is changed without a delivery that the receiver cannot check', async () => {
  const { app, happens } = await setUp()
  const bot = await receiver()
  const { id, secret } = (await app.admin('POST', path, { url: bot.url })).body.data
  const rotated = await app.admin('POST', `${path}/${id}/rotate-secret`)
  expect(rotated.body.data.oldSecretUntil).toBeGreaterThan(Date.now() + 23 * 3_600_000)
  expect((await app.admin('GET', `${path}/${id}`)).body.data.oldSecretUntil).toBe(rotated.body.data.oldSecretUntil)
  await happens('1')
  await app.admin('POST', `${path}/${id}/test`)
  const { body, headers } = await bot.next()
  const signed = headers as Record<string, string>
  for (const one of [secret, rotated.body.data.secret]) new Webhook(one).verify(body, signed)
  const again = await app.admin('POST', `${path}/${id}/rotate-secret`, { secret: 'own', overlapSeconds: 0 })
  expect(again.body.data).toEqual({ secret: 'own', oldSecretUntil: null })
  expect((await app.admin('POST', `${path}/none/rotate-secret`)).body.code).toBe('NOT_FOUND')
})

test('a test sends the newest event that is wanted and says what came back', async () => {
  const { app, happens } = await setUp()
  let status = 200
  const bot = await receiver(() => status)
  const { id } = (await app.admin('POST', path, { url: bot.url, enabled: false })).body.data
  expect((await app.admin('POST', `${path}/${id}/test`)).body.code).toBe('NOT_FOUND')
  await happens('1')
  await happens('2')
  const worked = await app.admin('POST', `${path}/${id}/test`)
  expect(bot.all).toHaveLength(1)
  expect(bot.all[0]?.event).toMatchObject({ seq: 2, id: worked.body.data.eventId })
  expect(worked.body.data).toMatchObject({ status: 200, error: null })
  status = 418
  expect((await app.admin('POST', `${path}/${id}/test`)).body.data).toMatchObject({ status: 418, error: 'HTTP 418' })
  await app.admin('PATCH', `${path}/${id}`, { events: ['message'] })
  expect((await app.admin('POST', `${path}/${id}/test`)).body.code).toBe('NOT_FOUND')
})
