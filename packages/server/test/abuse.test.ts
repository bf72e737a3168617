import { deliveries, webhooks } from '@wamux/core/stores'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { bodyOf, owed, setUp } from './dispatching.ts'
import { receiver } from './helpers.ts'
import { httpServer } from './http-server.ts'

const redirect = (status: number) => (_: unknown, response: import('node:http').ServerResponse) =>
  void response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end()

/** Every way in which a receiver may misbehave at once: what it answers, and when it is asked again. */
const MODES: [name: string, answer: Parameters<typeof httpServer>[0], error: string, againMs: number][] = [
  ['500', (_, response) => void response.writeHead(500).end(), 'HTTP 500', 5_000],
  ['400', (_, response) => void response.writeHead(400).end(), 'HTTP 400', 5_000],
  ['404', (_, response) => void response.writeHead(404).end(), 'HTTP 404', 5_000],
  ['429', (_, response) => void response.writeHead(429).end(), 'HTTP 429', 5_000],
  ['429 and a wish', (_, response) => void response.writeHead(429, { 'retry-after': '90' }).end(), 'HTTP 429', 90_000],
  ['503 and less', (_, response) => void response.writeHead(503, { 'retry-after': '1' }).end(), 'HTTP 503', 5_000],
  ['301', redirect(301), 'HTTP 301', 5_000],
  ['302', redirect(302), 'HTTP 302', 5_000],
  ['307', redirect(307), 'HTTP 307', 5_000],
  ['308', redirect(308), 'HTTP 308', 5_000],
  ['a reset', (request) => void request.socket.resetAndDestroy(), 'ECONNRESET', 5_000],
  ['half an answer', (request) => void request.socket.end('HTTP/1.1 2'), '', 5_000],
  ['no HTTP', (request) => void request.socket.end('SSH-2.0-OpenSSH_9.9\r\n'), '', 5_000],
  ['a huge header', (_, response) => void response.writeHead(200, { x: 'y'.repeat(1 << 20) }).end(), '', 5_000],
]

test('whatever one receiver does, the schedule is kept, and others are told as if it were not there', async () => {
  const bot = await receiver()
  const { store, point, clock, dispatcher, happens } = await setUp()
  await point(bot.url, { session: 'good' })
  for (const [name, answer] of MODES) await point((await httpServer(answer)).url, { session: name })
  const running = dispatcher()
  await running.start()
  for (const [name] of MODES) await happens('a', '1', name)
  for (let n = 0; n < 20; n++) await happens('a', `${n}`, 'good')
  for (const session of ['good', ...MODES.map(([name]) => name)]) running.ring(session)
  expect((await bot.count(20)).map(bodyOf)).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`))
  await running.idle()
  for (const [name, , error, againMs] of MODES) {
    const delivery = await store.read(() => deliveries.get(name, webhooks.DEFAULT, 1))
    expect(delivery, name).toMatchObject({ state: 'pending', attempts: 1 })
    expect((delivery?.nextAt ?? 0) - clock.now(), name).toBe(againMs)
    expect(delivery?.log[0]?.error, name).toContain(error)
  }
})

test('a receiver that refuses a tenth of everything gets each chat in order, and each event once', async () => {
  let count = 0
  const refused = new Map<string, number>()
  const taken = new Map<string, number[]>()
  const bot = await receiver(({ event }) => {
    const times = refused.get(event.id) ?? 0
    // A third refusal would be past the ten minutes for which a chat is held.
    if (++count % 10 === 0 && times < 2) {
      refused.set(event.id, times + 1)
      return 500
    }
    if (event.event === 'message') {
      taken.set(event.data.chatId, [...(taken.get(event.data.chatId) ?? []), Number(event.data.body)])
    }
    return 200
  })
  const { store, clock, dispatcher, happens } = await setUp(bot.url)
  for (let n = 0; n < 20; n++) for (let chat = 0; chat < 10; chat++) await happens(`${chat}`, `${n}`)
  const running = dispatcher()
  await running.start()
  await running.idle()
  while ((await owed(store)).length > 0) {
    await clock.next()
    await running.idle()
  }
  expect(refused.size).toBeGreaterThan(15)
  expect(taken.size).toBe(10)
  for (const bodies of taken.values()) expect(bodies).toEqual(Array.from({ length: 20 }, (_, n) => n))
})

test('neither the log nor what is kept of attempts holds a secret, a header or what the URL ends with', async () => {
  const lines: string[] = []
  const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  const secrets = {
    secret: 'canary-secret',
    oldSecret: 'canary-old',
    headers: { authorization: 'Bearer canary-header' },
  }
  const { store, point, clock, dispatcher, happens } = await setUp(undefined, null, logger)
  const broken = await receiver(() => 500)
  const gone = await receiver(() => 410)
  const urls = { broken: broken.url, gone: gone.url, closed: 'http://127.0.0.1:9/', nowhere: 'http://nowhere.invalid/' }
  for (const [session, url] of Object.entries(urls)) {
    const until = { oldSecretUntil: Number.MAX_SAFE_INTEGER }
    await point(`${url}canary-path?key=canary-query`, { session, ...secrets, ...until })
    await happens('a', 'canary-text', session)
  }
  const running = dispatcher()
  await running.start()
  await running.idle()
  clock.turn(6 * 24 * 3_600_000)
  await clock.next()
  await running.idle()
  expect(lines.length).toBeGreaterThan(4)
  expect(lines.join('')).not.toContain('canary')
  for (const session of Object.keys(urls)) {
    const delivery = await store.read(() => deliveries.get(session, webhooks.DEFAULT, 1))
    expect(JSON.stringify(delivery)).not.toContain('canary')
  }
})
