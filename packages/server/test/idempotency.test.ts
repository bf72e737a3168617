import { beforeAll, expect, test } from 'vitest'
import type { Server } from '../src/index.ts'
import { type Api, linked, network, shared, started } from './helpers.ts'

const MAX = '491234567890'
let app: Api & { server: Server }
let key: string
let heard: () => { text: string; copies: number }[]

beforeAll(async () => {
  const { scope, end } = shared()
  const emulator = await network(scope)
  app = await started({ baileys: emulator.socketConfig }, scope)
  key = (await linked(app, emulator)).key
  const max = emulator.contact(MAX)
  heard = () => max.messages()
  return end
})

const post = (path: string, body: unknown, idempotencyKey: string, given: { key?: string; token?: string } = { key }) =>
  app.call('POST', path, { body, ...given, headers: { 'Idempotency-Key': idempotencyKey } })

test('a repeat is answered byte for byte and says that it is one', async () => {
  const body = { phone: MAX, message: 'einmal' }
  const first = await post('/api/send-message', body, 'k1')
  const again = await post('/api/send-message', body, 'k1')
  expect([again.status, again.text]).toEqual([first.status, first.text])
  expect([first, again].map(({ headers }) => headers.get('idempotency-replayed'))).toEqual([null, 'true'])
  // It is the same request under the path of its instance.
  const byPath = await post('/api/instances/demo/send-message', body, 'k1', { token: await app.token() })
  expect(byPath.text).toBe(first.text)
  expect(heard().filter(({ text }) => text === 'einmal')).toMatchObject([{ copies: 1 }])
})

test('a repeat of a batch is answered byte for byte', async () => {
  const body = { messages: [{ phone: MAX, message: 'aus dem Stapel' }] }
  const first = await post('/api/send-bulk', body, 'k2')
  await expect.poll(() => heard().some(({ text }) => text === 'aus dem Stapel')).toBe(true)
  const again = await post('/api/send-bulk', body, 'k2')
  expect([again.status, again.text, again.headers.get('idempotency-replayed')]).toEqual([202, first.text, 'true'])
})

test('a repeat of what failed fails, and says that it is one', async () => {
  const body = { phone: '499999999999', message: 'niemand' }
  const first = await post('/api/send-message', body, 'k3')
  const again = await post('/api/send-message', body, 'k3')
  expect([first, again].map(({ status, body }) => [status, body.code])).toEqual(Array(2).fill([422, 'NOT_ON_WHATSAPP']))
  expect(again.headers.get('idempotency-replayed')).toBe('true')
})

test('two at once: one is sent, the other is to come back', async () => {
  const body = { phone: MAX, message: 'zugleich' }
  const both = await Promise.all([post('/api/send-message', body, 'k4'), post('/api/send-message', body, 'k4')])
  const [late] = both.filter(({ status }) => status === 409)
  expect([late?.body.code, late?.headers.get('retry-after')]).toEqual(['IDEMPOTENCY_IN_PROGRESS', '1'])
  expect(both.filter(({ status }) => status === 200)).toHaveLength(1)
})

test('the same key with another body is refused', async () => {
  await post('/api/send-message', { phone: MAX, message: 'dies' }, 'k5')
  const { status, body } = await post('/api/send-message', { phone: MAX, message: 'das' }, 'k5')
  expect([status, body.code]).toEqual([422, 'IDEMPOTENCY_MISMATCH'])
  expect(heard().map(({ text }) => text)).not.toContain('das')
})

test('a body that is refused has not used the key', async () => {
  expect((await post('/api/send-message', { phone: MAX }, 'k6')).status).toBe(400)
  expect((await post('/api/send-message', { phone: MAX, message: 'jetzt' }, 'k6')).status).toBe(200)
})

test.each(['', 'two words', 'x'.repeat(256), 'ä'])(
  'the key "%s" is refused by its name, and nothing is sent',
  async (bad) => {
    const { status, body } = await post('/api/send-message', { phone: MAX, message: 'mit falschem Schlüssel' }, bad)
    expect([status, body.code, body.details.issues[0].path]).toEqual([400, 'INVALID_INPUT', 'Idempotency-Key'])
    expect(heard().map(({ text }) => text)).not.toContain('mit falschem Schlüssel')
  },
)
