import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { httpServer } from '../../server/test/http-server.ts'
import { createClient, WamuxClientError } from '../src/index.ts'
import { pauseAfter } from '../src/retry.ts'

const message = { phone: '491234567890', message: 'Hallo' }
const SENT = { success: true, data: { messageId: '3EB0', phone: '491234567890', status: 'sent' } }
const said = (code: string) => JSON.stringify({ success: false, error: 'x', code, requestId: 'y' })

// Pauses pass twenty times as fast; the sockets are real.
let clock: NodeJS.Timeout
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  clock = setInterval(() => vi.advanceTimersByTime(100), 5)
})
afterEach(() => {
  clearInterval(clock)
  vi.useRealTimers()
})

type Turn = [status: number, headers: Record<string, string>, body: string] | 'reset'

/** A server that answers each request with the next turn, and the last of them from then on. */
async function turns(...all: Turn[]) {
  const keys: unknown[] = []
  const server = await httpServer((request, response) => {
    const turn = all[Math.min(keys.length, all.length - 1)] ?? 'reset'
    keys.push(request.headers['idempotency-key'])
    if (turn === 'reset') request.socket.destroy()
    else response.writeHead(turn[0], turn[1]).end(turn[2])
  })
  return { url: server.url, keys }
}

test.each<[string, Turn]>([
  ['no answer', 'reset'],
  ['a proxy without a server', [502, {}, 'Bad Gateway']],
  ['a proxy that lost patience', [504, {}, '<html>']],
  ['a server that stops', [503, {}, said('STOPPING')]],
  ['a first try that still runs', [409, { 'retry-after': '1' }, said('IDEMPOTENCY_IN_PROGRESS')]],
  ['too much at once', [429, { 'retry-after': '2' }, said('OUTBOX_FULL')]],
])('a send is tried again after %s, under the same key', async (_, turn) => {
  const { url, keys } = await turns(turn, turn, [200, {}, JSON.stringify(SENT)])
  expect(await createClient({ url }).gateway.sendMessage(message)).toEqual(SENT.data)
  expect(keys).toHaveLength(3)
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/)
  expect(new Set(keys).size).toBe(1)
})

test('each send has a key of its own, or the one that it is given', async () => {
  const { url, keys } = await turns([200, {}, JSON.stringify(SENT)])
  const client = createClient({ url })
  await client.session('demo').send(message.phone, message.message)
  await client.session('demo').send(message.phone, message.message)
  await client.session('demo').send(message.phone, message.message, { idempotencyKey: 'order-4711' })
  await client.gateway.sendBulk({ messages: [message] }, { idempotencyKey: 'batch-1' })
  expect(new Set(keys).size).toBe(4)
  expect(keys.slice(2)).toEqual(['order-4711', 'batch-1'])
})

test.each<[string, Turn]>([
  ['a session that is stopped', [503, {}, said('WHATSAPP_DISCONNECTED')]],
  ['a refusal by WhatsApp', [502, {}, said('WHATSAPP_REJECTED')]],
  ['another request under its key', [422, {}, said('IDEMPOTENCY_MISMATCH')]],
  ['an hour to wait', [429, { 'retry-after': '3600' }, said('OUTBOX_FULL')]],
  ['too much, for who knows how long', [429, {}, 'Slow down']],
  ['a broken server', [500, {}, '<html>']],
])('a send is not tried again after %s', async (_, turn) => {
  const { url, keys } = await turns(turn)
  await expect(createClient({ url }).gateway.sendMessage(message)).rejects.toMatchObject({ status: turn[0] })
  expect(keys).toHaveLength(1)
})

test('tries come to an end, with the last failure; none is an end too', async () => {
  const { url, keys } = await turns('reset')
  await expect(createClient({ url }).gateway.sendMessage(message)).rejects.toMatchObject({ code: 'UNREACHABLE' })
  expect(keys).toHaveLength(6)
  await expect(createClient({ url, retries: 0 }).gateway.sendMessage(message)).rejects.toThrow('No answer')
  expect(keys).toHaveLength(7)
})

test('what has no key is tried once', async () => {
  const { url, keys } = await turns('reset')
  await expect(createClient({ url }).session('demo').start()).rejects.toMatchObject({ code: 'UNREACHABLE' })
  await expect(createClient({ url }).gateway.checkNumber('1')).rejects.toMatchObject({ code: 'UNREACHABLE' })
  expect(keys).toEqual([undefined, undefined])
})

test('the pauses are longer than a send waits for WhatsApp, and not shorter than the server asks for', () => {
  const error = (retryAfterMs: number | null) =>
    new WamuxClientError('IDEMPOTENCY_IN_PROGRESS', 'x', { details: undefined, status: 409, retryAfterMs })
  const pauses = [1, 2, 3, 4, 5].map((failures) => pauseAfter(error(1000), failures, () => 0) ?? 0)
  expect(pauses).toEqual([1000, 1000, 1600, 3200, 3200])
  expect(pauses.reduce((sum, ms) => sum + ms)).toBeGreaterThan(8_000)
  expect(pauseAfter(error(null), 1, () => 1)).toBe(500)
})
