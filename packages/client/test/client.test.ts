import { beforeAll, expect, test } from 'vitest'
import { httpServer } from '../../server/test/http-server.ts'
import * as exported from '../src/index.ts'
import { type ClientSession, createClient, isWamuxClientError, type RemoteOnly, type SessionApi } from '../src/index.ts'
import { PASSWORD, type Product, product } from './helpers.ts'

let all: Product

beforeAll(async () => {
  all = await product()
  return all.end
})

/** Does not compile when one side has a method that the other has not. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false
const isOneInterface: Same<Exclude<keyof ClientSession, RemoteOnly>, keyof SessionApi> = true

test('a session over HTTP has the methods of the SDK and those of the server', () => {
  expect(isOneInterface).toBe(true)
})

test('the exports are the ones that the README names', () => {
  expect(Object.keys(exported).sort()).toMatchInlineSnapshot(`
    [
      "ClientSession",
      "WamuxClientError",
      "WebhookVerificationError",
      "createClient",
      "isWamuxClientError",
      "webhooks",
    ]
  `)
})

test.each(['admin', 'bot'] as const)(
  'with the credential of the %s a session sends, reads and looks people up',
  async (who) => {
    const session = all[who].session('demo')
    const phone = who === 'admin' ? '491234567890' : '491234567891'
    const max = all.emulator.contact(phone, { name: 'Max Mustermann' })
    const sent = await session.send(`+49 ${phone.slice(2)}`, 'Hallo')
    expect(sent).toMatchObject({ phone, status: 'sent' })
    expect((await max.hears('Hallo')).id).toBe(sent.messageId)
    expect((await session.recentMessages({ limit: 1 })).data[0]).toMatchObject({ id: sent.messageId, body: 'Hallo' })
    const { data, nextCursor } = await session.messages(`${phone}@c.us`, { limit: 50 })
    expect([data.length, nextCursor]).toEqual([1, null])
    expect((await session.chats()).data.map(({ chatId }) => chatId)).toContain(`${phone}@c.us`)
    expect(await session.checkNumber(phone)).toEqual({ phone, registered: true, whatsappId: `${phone}@c.us` })
    expect(await session.contact(phone)).toMatchObject({ number: phone, isBlocked: false })
    const batch = await session.sendBulk([{ phone, message: 'eins' }])
    await max.hears('eins')
    expect((await session.batch(batch.batchId)).total).toBe(1)
    expect(await session.info()).toMatchObject({ id: 'demo', state: 'ready', port: null })
  },
)

test('the gateway acts as the instance of the key', async () => {
  const max = all.emulator.contact('491234567892')
  const { gateway } = all.bot
  const sent = await gateway.sendMessage({ phone: max.phone, message: 'Hallo' })
  expect((await max.hears('Hallo')).id).toBe(sent.messageId)
  const { batchId } = await gateway.sendBulk({ messages: [{ phone: max.phone, message: 'zwei' }] })
  await max.hears('zwei')
  expect((await gateway.batch(batchId)).batchId).toBe(batchId)
  expect((await gateway.checkNumber('499999999999')).registered).toBe(false)
  expect(await gateway.contact(max.phone)).toMatchObject({ number: max.phone })
})

test('sessions are created, listed, found and removed', async () => {
  const { sessions } = all.admin
  const made = await sessions.create({ id: 'second', name: 'Second' })
  expect(made).toMatchObject({ id: 'second', name: 'Second', apiKey: expect.stringMatching(/^wapi_/) })
  const page = await sessions.list({ limit: 1 })
  expect(page.data[0]?.id).toBe('second')
  const rest = await sessions.list({ ...(page.nextCursor !== null && { cursor: page.nextCursor }) })
  expect(rest.data.map(({ id }) => id)).toEqual(['demo'])
  const session = all.admin.session('second')
  expect(await session.update({ name: 'Zweite' })).toMatchObject({ name: 'Zweite' })
  const { id } = await session.createKey()
  await session.revokeKey(id)
  expect((await session.keys()).data).toHaveLength(2)
  await session.stop()
  expect((await session.info()).state).toBe('stopped')
  await session.remove()
  await sessions.remove('second')
  await expect(sessions.get('second')).rejects.toMatchObject({ code: 'INSTANCE_NOT_FOUND', status: 404 })
})

test('a webhook is set, shown and removed', async () => {
  const session = all.bot.session('demo')
  expect(await session.setWebhook({ url: 'http://127.0.0.1:9/', secret: 'geheim' })).toMatchObject({ hasSecret: true })
  expect(await session.webhook()).toEqual({ url: 'http://127.0.0.1:9/', hasSecret: true })
  await session.removeWebhook()
  await expect(session.webhook()).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('several webhooks are made, changed and removed', async () => {
  const { webhooks } = all.bot.session('demo')
  const { id, secret } = await webhooks.create({ url: 'http://127.0.0.1:9/', events: ['message'], headers: { a: 'b' } })
  expect(await webhooks.get(id)).toMatchObject({ events: ['message'], headerNames: ['a'], hasSecret: true })
  expect(await webhooks.update(id, { enabled: false })).toMatchObject({ enabled: false })
  expect((await webhooks.rotateSecret(id)).secret).not.toBe(secret)
  expect((await webhooks.list()).data.map((one) => one.id)).toEqual([id])
  expect(await webhooks.deliveries(id, { state: 'dead' })).toEqual({ data: [], nextCursor: null })
  await expect(webhooks.delivery(id, 'evt_none')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(webhooks.redeliver(id, 'evt_none')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect(await webhooks.replay(id, { state: 'dead' })).toEqual({ count: 0 })
  await webhooks.remove(id)
  await expect(webhooks.test(id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('errors are those of the SDK, with the status and the id of the request', async () => {
  const session = all.bot.session('demo')
  const refused = await session.send('abc', 'Hallo').catch((error: unknown) => error)
  if (!isWamuxClientError(refused, 'INVALID_INPUT')) throw refused
  expect(refused.details.issues[0]?.path).toBe('phone')
  expect([refused.status, refused.requestId]).toEqual([400, expect.stringMatching(/^[0-9a-f-]{36}$/)])
  await expect(session.contact('499999999999')).rejects.toMatchObject({
    code: 'NOT_ON_WHATSAPP',
    status: 422,
    details: { phone: '499999999999' },
  })
  await expect(session.qr()).rejects.toMatchObject({ code: 'FORBIDDEN' })
  await expect(all.admin.session('demo').qr()).rejects.toMatchObject({
    code: 'NOT_LINKING',
    details: { state: 'ready' },
  })
  await expect(all.admin.gateway.checkNumber('491234567890')).rejects.toMatchObject({ code: 'FORBIDDEN' })
})

test('a login that is refused changes nothing', async () => {
  await expect(all.admin.login({ username: 'admin', password: 'wrong' })).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
  })
  expect((await all.admin.health()).sessions).toMatchObject({ ready: 1 })
  const { expiresAt } = await all.admin.login({ username: 'admin', password: PASSWORD })
  expect(expiresAt).toBeGreaterThan(Date.now())
})

test.each(['', '.', '..'])('the id "%s" never becomes another path', async (id) => {
  await expect(all.admin.session(id).remove()).rejects.toMatchObject({ code: 'INVALID_INPUT', status: null })
})

test('an id with slashes stays one step of the path', async () => {
  await expect(all.admin.sessions.get('../instances/demo')).rejects.toMatchObject({ code: 'INSTANCE_NOT_FOUND' })
})

const message = { phone: '491234567890', message: 'Hallo' }

test('nobody there, and no answer in time, are UNREACHABLE', async () => {
  await expect(
    createClient({ url: 'http://127.0.0.1:9', retries: 0 }).gateway.sendMessage(message),
  ).rejects.toMatchObject({
    code: 'UNREACHABLE',
    status: null,
  })
  const silent = await httpServer(() => {})
  const client = createClient({ url: silent.url, timeoutMs: 50, retries: 0 })
  await expect(client.gateway.sendMessage(message)).rejects.toMatchObject({ code: 'UNREACHABLE' })
  const reset = await httpServer((request) => request.socket.destroy())
  await expect(createClient({ url: reset.url }).gateway.checkNumber('1')).rejects.toMatchObject({ code: 'UNREACHABLE' })
  expect([silent.counts.requests, reset.counts.requests]).toEqual([1, 1])
})

test.each([
  [200, 'text/html', '<html>'],
  [502, 'text/html', 'Bad Gateway'],
  [200, 'application/json', '{}'],
  [200, 'application/json', 'null'],
  [500, 'application/json', '{"success":false,"code":"NEW_CODE","error":"x","requestId":"y"}'],
  [200, 'application/json', ''],
])('an answer %i %s %s is not that of wamux', async (status, type, body) => {
  const other = await httpServer((_, response) => response.writeHead(status, { 'content-type': type }).end(body))
  const client = createClient({ url: other.url, retries: 0 })
  await expect(client.gateway.sendMessage(message)).rejects.toMatchObject({ code: 'UNEXPECTED_ANSWER', status })
  expect(other.counts.requests).toBe(1)
})

test('credentials do not follow a redirect', async () => {
  const other = await httpServer((_, response) => response.end('{"success":true,"data":{}}'))
  const first = await httpServer((_, response) => response.writeHead(307, { location: other.url }).end())
  const client = createClient({ url: first.url, apiKey: 'wapi_x', token: 'x', retries: 0 })
  await expect(client.gateway.sendMessage(message)).rejects.toMatchObject({ code: 'UNREACHABLE' })
  expect(other.counts.requests).toBe(0)
})

test('a URL that is none is refused at once', () => {
  expect(() => createClient({ url: 'localhost:3000' })).toThrow(TypeError)
  expect(() => createClient({ url: 'ftp://localhost' })).toThrow(TypeError)
})
