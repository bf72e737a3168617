import type { LookupAddress, lookup } from 'node:dns'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { LOOPBACK } from '../src/webhooks/addresses.ts'
import { OutboundGuard, readRetryAfter } from '../src/webhooks/guard.ts'
import { httpServer } from './http-server.ts'

const closed = new OutboundGuard([])
const open = new OutboundGuard(LOOPBACK)

const list = readFileSync(new URL('ssrf.txt', import.meta.url), 'utf8').split('\n')
const listed = (kind: string) =>
  list.filter((line) => line === kind || line.startsWith(`${kind} `)).map((line) => line.slice(kind.length + 1))
// Every spelling of an address that leads inside.
const inside = listed('inside')

test.each(inside)('http://%s is refused when it is set, naming the setting', async (host) => {
  await expect(closed.check(`http://${host}:8080/`)).rejects.toMatchObject({
    code: 'URL_NOT_ALLOWED',
    details: { url: `http://${host}:8080/`, setting: 'WAMUX_OUTBOUND_ALLOW' },
  })
})

test('and no connection is made to it even if it was set', async () => {
  const { port, counts } = await httpServer()
  for (const host of inside) {
    const url = URL.parse(`http://${host}:${port}/`)
    expect(await closed.post(url?.href ?? '', '{}', {}), host).toMatchObject({ ok: false })
  }
  expect(counts.connections).toBe(0)
})

test.each(listed('invalid'))('%s is not a URL for a webhook', async (url) => {
  await expect(closed.check(url)).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    details: { issues: [{ path: 'url' }] },
  })
})

test.each(listed('browser'))('%s is read like a browser reads it, and refused', async (url) => {
  await expect(closed.check(url)).rejects.toMatchObject({ code: 'URL_NOT_ALLOWED' })
})

test.each([
  'https://93.184.215.14/webhook',
  'https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/',
  'https://your-bot.invalid/webhook',
])('%s may be set: it is public, or a name that cannot be resolved yet', async (url) => {
  await closed.check(url)
})

test('what the operator opens is open, and nothing beside it', async () => {
  const guard = new OutboundGuard(['10.1.0.0/16', 'fd00::/8', '192.168.1.7'])
  for (const host of ['10.1.2.3', '[fd00::7]', '192.168.1.7']) await guard.check(`http://${host}/`)
  for (const host of ['10.2.0.1', '[fe80::7]', '192.168.1.8', '127.0.0.1']) {
    await expect(guard.check(`http://${host}/`)).rejects.toMatchObject({ code: 'URL_NOT_ALLOWED' })
  }
  expect(() => new OutboundGuard(['intranet'])).toThrow('intranet')
})

test('loopback can be opened, as the sandbox does', async () => {
  const { url, counts } = await httpServer()
  await open.check(url)
  await open.check(url.replace('127.0.0.1', 'localhost'))
  expect(await open.post(url, '{}', {})).toEqual({ ok: true, status: 200 })
  expect(await open.post(url.replace('127.0.0.1', 'localhost'), '{}', {})).toEqual({ ok: true, status: 200 })
  expect(counts.connections).toBeGreaterThan(0)
})

test.each([301, 302, 303, 307, 308])('a redirect (%i) is a failure and is not followed', async (status) => {
  const target = await httpServer()
  const { url } = await httpServer((_, response) => response.writeHead(status, { location: target.url }).end())
  expect(await open.post(url, '{}', {})).toEqual({ ok: false, status, error: `HTTP ${status}` })
  expect(target.counts.connections).toBe(0)
})

test.each([200, 201, 202, 204, 299])('%i is success', async (status) => {
  const { url } = await httpServer((_, response) => response.writeHead(status).end())
  expect(await open.post(url, '{}', {})).toEqual({ ok: true, status })
})

test.each([400, 401, 404, 410, 500, 503])('%i is a failure', async (status) => {
  const { url } = await httpServer((_, response) => response.writeHead(status).end('secret words of the receiver'))
  expect(await open.post(url, '{}', {})).toEqual({ ok: false, status, error: `HTTP ${status}` })
})

test('a receiver may ask for time', async () => {
  const { url } = await httpServer((_, response) => response.writeHead(429, { 'retry-after': '120' }).end())
  expect(await open.post(url, '{}', {})).toEqual({ ok: false, status: 429, error: 'HTTP 429', retryAfterMs: 120_000 })
})

test('for a second to a day, in seconds or until a date; what is neither is no wish', () => {
  const now = Date.UTC(2026, 0, 1)
  const asked = (header: string) => readRetryAfter(header, now).retryAfterMs
  expect(asked('0')).toBe(1_000)
  expect(asked('5')).toBe(5_000)
  expect(asked('31536000')).toBe(86_400_000)
  expect(asked('Thu, 01 Jan 2026 00:02:00 GMT')).toBe(120_000)
  expect(asked('Thursday, 01-Jan-26 00:02:00 GMT')).toBe(120_000)
  expect(asked('Thu, 01 Jan 2025 00:00:00 GMT')).toBe(1_000)
  expect(asked('Fri, 01 Jan 2027 00:00:00 GMT')).toBe(86_400_000)
  for (const none of ['', ' ', '-5', 'soon', 'Thu', '1e3', '2026-01-01']) expect(asked(none), none).toBeUndefined()
  expect(readRetryAfter(['1', '2'], now)).toEqual({})
})

test('a 2xx counts when it came; who is slow with the rest, or never ends, holds nobody up', async () => {
  const ends: (() => void)[] = []
  const silent = await httpServer((_, response) => response.writeHead(200).flushHeaders())
  const slow = await httpServer((_, response) => {
    response.writeHead(200)
    const drip = setInterval(() => response.write('x'), 100)
    ends.push(() => clearInterval(drip))
  })
  const begun = performance.now()
  for (const { url } of [silent, slow]) expect(await open.post(url, '{}', {})).toEqual({ ok: true, status: 200 })
  expect(performance.now() - begun).toBeLessThan(5_000)
  for (const end of ends) end()
})

test('a gzip bomb stays packed', async () => {
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
  const { url } = await httpServer((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb))
  const before = process.memoryUsage.rss()
  for (let n = 0; n < 20; n++) expect(await open.post(url, '{}', {})).toEqual({ ok: true, status: 200 })
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024)
})

test('interim answers without end are no answer', async () => {
  let sent = 0
  const { url } = await httpServer((request, response) => {
    const more = () => {
      if (response.destroyed || sent >= 2_000) return void request.socket.destroy()
      sent++
      request.socket.write('HTTP/1.1 102 Processing\r\n\r\n', () => setImmediate(more))
    }
    more()
  })
  expect(await open.post(url, '{}', {})).toMatchObject({ ok: false, status: null })
})

test('a reply without end is cut at 64 KiB', async () => {
  let written = 0
  const { url } = await httpServer((_, response) => {
    response.writeHead(200)
    const write = () => {
      while (!response.destroyed && response.write('x'.repeat(16_384))) written += 16_384
    }
    response.on('drain', write)
    write()
  })
  expect(await open.post(url, '{}', {})).toEqual({ ok: true, status: 200 })
  expect(written).toBeLessThan(16 * 1024 * 1024)
})

test('headers without end, a reset and a closed port are failures', async () => {
  const huge = await httpServer((_, response) => response.writeHead(200, { 'x-long': 'x'.repeat(64 * 1024) }).end())
  expect(await open.post(huge.url, '{}', {})).toMatchObject({ ok: false })
  const reset = await httpServer((request) => request.socket.resetAndDestroy())
  expect(await open.post(reset.url, '{}', {})).toMatchObject({ ok: false })
  expect(await open.post('http://127.0.0.1:9/', '{}', {})).toMatchObject({ ok: false })
})

describe('a name', () => {
  /** A DNS that answers with the next of these. */
  const resolves = (...answers: (string[] | Error)[]): typeof lookup => {
    const next = (_: string, __: unknown, answer: (error: Error | null, addresses: LookupAddress[]) => void) => {
      const found = answers.length > 1 ? answers.shift() : answers[0]
      if (!Array.isArray(found)) return answer(found ?? new Error('nothing'), [])
      answer(
        null,
        found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      )
    }
    return next as typeof lookup // one of its overloads
  }
  const PUBLIC = '93.184.215.14'

  test.each([
    ['an address inside', [['127.0.0.1']]],
    [
      'a public and an inner one, of either family',
      [
        [PUBLIC, '::1'],
        ['2606:2800:21f:cb07:6820:80da:af6b:8b2c', '127.0.0.1'],
      ],
    ],
    ['a mapped one', [['::ffff:127.0.0.1']]],
    ['a thousand public ones and one inside', [[...Array(1_000).fill(PUBLIC), '127.0.0.1']]],
    ['nothing', [[]]],
    ['an error', [new Error('NXDOMAIN')]],
  ])('that resolves to %s when it is posted to leads nowhere', async (_, answers) => {
    const { port, counts } = await httpServer()
    for (const answer of answers) {
      const guard = new OutboundGuard([], resolves(answer))
      expect(await guard.post(`http://bot.example:${port}/`, '{}', {})).toMatchObject({ ok: false, status: null })
      await guard.close()
    }
    expect(counts.connections).toBe(0)
  })
  test('that was allowed is looked at again for each connection, and refused when it leads elsewhere', async () => {
    const { port, counts } = await httpServer((_, response) => response.writeHead(200, { connection: 'close' }).end())
    const guard = new OutboundGuard(['127.0.0.1'], resolves(['127.0.0.1'], ['127.0.0.2']))
    expect(await guard.post(`http://bot.example:${port}/`, '{}', {})).toMatchObject({ ok: true })
    expect(await guard.post(`http://bot.example:${port}/`, '{}', {})).toMatchObject({ ok: false })
    expect(counts.connections).toBe(1)
    await guard.close()
  })
  test('that cannot be resolved for a moment is tried again', async () => {
    const { port } = await httpServer()
    const guard = new OutboundGuard(LOOPBACK, resolves(new Error('NXDOMAIN'), ['127.0.0.1']))
    expect(await guard.post(`http://bot.example:${port}/`, '{}', {})).toMatchObject({ ok: false })
    expect(await guard.post(`http://bot.example:${port}/`, '{}', {})).toMatchObject({ ok: true })
    await guard.close()
  })
})

test('environment proxies are not used', async () => {
  const proxy = await httpServer()
  const { url } = await httpServer()
  process.env.http_proxy = proxy.url
  onTestFinished(() => {
    delete process.env.http_proxy
  })
  expect(await new OutboundGuard(LOOPBACK).post(url, '{}', {})).toEqual({ ok: true, status: 200 })
  expect(proxy.counts.connections).toBe(0)
})

test('the self-test of the start passes', async () => {
  await OutboundGuard.selfTest()
})
