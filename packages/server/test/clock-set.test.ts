import { deliveries, journal, rows, webhooks } from '@wamux/core/stores'
import { describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../src/webhooks/clock.ts'
import { DELAYS_MS } from '../src/webhooks/schedule.ts'
import { bodyOf, owed, START, setUp, turnUntil } from './dispatching.ts'
import { receiver, started } from './helpers.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

describe.each([
  ['an hour forward', HOUR],
  ['an hour back', -HOUR],
  ['30 days forward', 30 * DAY],
  ['30 days back', -30 * DAY],
  ['to 2038', Date.UTC(2038, 0, 19, 4) - START],
  ['to 1970', -START],
])('a clock that is set %s', (_, by) => {
  test('makes no attempt earlier or later, and gives no webhook up', async () => {
    const bot = await receiver(() => 500)
    const { store, clock, dispatcher, happens } = await setUp(bot.url)
    await happens('a', 'bad')
    const running = dispatcher()
    await running.start()
    await running.idle()
    const waits: number[] = []
    while ((await owed(store))[0]?.state === 'pending') {
      // Forward and back again, while it waits: the second time it is right again.
      clock.set(waits.length % 2 === 0 ? by : -by)
      let waited = 0
      const before = (await owed(store))[0]?.attempts
      while ((await owed(store))[0]?.attempts === before) {
        waited += await clock.next()
        await running.idle()
      }
      waits.push(waited)
    }
    expect(waits).toEqual(DELAYS_MS.slice(1))
    expect((await owed(store))[0]).toEqual({ seq: 1, state: 'dead', attempts: 10 })
    expect((await store.read(() => webhooks.get('demo', webhooks.DEFAULT)))?.enabled).toBe(true)
  })

  test('neither lets a chat go that is held, nor holds it for longer', async () => {
    const bot = await receiver((received) => (bodyOf(received) === 'bad' ? 500 : 200))
    const { clock, dispatcher, happens } = await setUp(bot.url)
    for (const body of ['bad', 'good']) await happens('a', body)
    const running = dispatcher()
    await running.start()
    await running.idle()
    clock.set(by)
    await happens('a', 'new')
    running.ring('demo')
    await running.idle()
    expect(bot.all.map(bodyOf)).toEqual(['bad'])
    await turnUntil(clock, running, () => bot.all.some((received) => bodyOf(received) === 'good'))
    expect(clock.steady() - START).toBe(600_000)
  })

  test('is the one that signs', async () => {
    const bot = await receiver()
    const { clock, dispatcher, happens, store } = await setUp(bot.url, 'geheim')
    const running = dispatcher()
    await running.start()
    clock.set(by)
    await happens('a', 'Hallo')
    running.ring('demo')
    const { headers } = await bot.next()
    expect(headers['webhook-timestamp']).toBe(String((START + by) / 1000))
    await running.idle()
    const delivery = await store.read(() => deliveries.get('demo', webhooks.DEFAULT, 1))
    expect(delivery?.log).toMatchObject([{ at: START + by, status: 200 }])
  })
})

test('what is shown is by the clock on the wall, and what is asked for goes at once, also when that was set', async () => {
  let wall = 0
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + wall }
  const app = await started({ allowLoopback: true, clock })
  await app.admin('POST', '/api/instances', { id: 'a' })
  // A token of the administrator is over when the clock is set forward; a key is not.
  const { apiKey: key } = (await app.admin('POST', '/api/instances/a/keys')).body.data
  const answer = { status: 500 }
  const bot = await receiver(() => answer.status)
  const path = '/api/instances/a/webhooks'
  const { id } = (await app.admin('POST', path, { url: bot.url })).body.data
  const { store } = app.server.manager
  wall = 30 * DAY
  const data = { phone: '491234567890', lid: null, name: 'a', timestamp: 1 }
  await store.write(() => journal.append('a', 'ready', null, 1, data))
  app.server.manager.session('a').ring()
  await bot.count(1)
  const first = async () => (await app.call('GET', `${path}/${id}/deliveries`, { key })).body.data[0]
  await expect.poll(async () => (await first())?.failures).toBe(1)
  const { eventId, nextAttemptAt, failedAt } = await first()
  const { failingSince } = (await app.call('GET', `${path}/${id}`, { key })).body.data
  for (const shown of [nextAttemptAt, failedAt, failingSince]) {
    expect(Math.abs(shown - clock.now())).toBeLessThan(HOUR)
  }
  // In the store it is by the other one.
  const [kept] = await store.read(() => rows<{ at: number }>('SELECT next_at AS at FROM deliveries'))
  expect(Math.abs((kept?.at ?? 0) - clock.steady())).toBeLessThan(HOUR)
  answer.status = 200
  await app.call('POST', `${path}/${id}/deliveries/${eventId}/redeliver`, { key })
  await expect.poll(async () => (await first())?.state).toBe('done')
  await app.call('POST', `${path}/${id}/replay`, { key, body: { after: 0 } })
  await expect.poll(async () => (await first())?.state).toBe('done')
  await bot.count(3)
})
