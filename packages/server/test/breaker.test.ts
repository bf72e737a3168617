import { expect, test } from 'vitest'
import { Breaker } from '../src/webhooks/breaker.ts'
import { bodyOf, setUp, turnUntil } from './dispatching.ts'
import { receiver } from './helpers.ts'

const NOW = 1_000_000_000

test('five failures in a row trip it, and then attempts are 10 s apart; one that works is enough', () => {
  const breaker = new Breaker()
  for (let n = 0; n < 4; n++) breaker.failed(NOW)
  breaker.worked()
  for (let n = 0; n < 4; n++) breaker.failed(NOW)
  expect([breaker.isTripped, breaker.notBefore(NOW)]).toEqual([false, 0])
  breaker.failed(NOW)
  expect([breaker.isTripped, breaker.notBefore(NOW)]).toEqual([true, NOW + 10_000])
  breaker.worked()
  expect(breaker.isTripped).toBe(false)
  expect(new Breaker(true).isTripped).toBe(true)
})

test('a receiver that asks for time gets it as a whole, ten minutes at most, whatever else works meanwhile', () => {
  const breaker = new Breaker()
  breaker.failed(NOW, 60_000)
  breaker.worked()
  expect(breaker.notBefore(NOW)).toBe(NOW + 60_000)
  breaker.failed(NOW, 3_600_000)
  expect([breaker.isTripped, breaker.notBefore(NOW)]).toEqual([true, NOW + 600_000])
  // A clock that was set back makes nobody wait.
  expect(breaker.notBefore(NOW - 3_600_000)).toBe(NOW - 3_600_000)
})

test('a receiver that fails gets one attempt at a time, 10 s apart, however many chats there are; back, it gets all', async () => {
  const answer = { status: 500 }
  let most = 0
  let now = 0
  const bot = await receiver(async () => {
    most = Math.max(most, ++now)
    await new Promise(setImmediate)
    now--
    return answer.status
  })
  const { clock, dispatcher, happens } = await setUp(bot.url)
  for (let chat = 0; chat < 30; chat++) await happens(`chat${chat}`, `${chat}`)
  const running = dispatcher()
  await running.start()
  await running.idle()
  // Some had begun before the fifth failed.
  const atOnce = bot.all.length
  expect(atOnce).toBeLessThanOrEqual(5 + 6)
  most = 0
  const begun = clock.now()
  await turnUntil(clock, running, () => clock.now() - begun >= 60_000)
  expect(bot.all.length - atOnce).toBeLessThanOrEqual(6)
  expect(most).toBe(1)
  answer.status = 200
  await turnUntil(clock, running, () => new Set(bot.all.slice(-30).map(bodyOf)).size >= 30)
  expect(clock.now() - begun).toBeLessThan(90_000)
})

test('what was learnt before a restart is known after it', async () => {
  const bot = await receiver(() => 500)
  const { dispatcher, happens } = await setUp(bot.url)
  for (let chat = 0; chat < 30; chat++) await happens(`chat${chat}`, `${chat}`)
  const first = dispatcher()
  await first.start()
  await first.idle()
  await first.stop()
  const before = bot.all.length
  const second = dispatcher()
  await second.start()
  await second.idle()
  expect(bot.all.length - before).toBe(1)
})

test('fifty receivers that hang cost those that answer next to nothing', async () => {
  const { promise: over, resolve: end } = Promise.withResolvers<number>()
  const hanging = await receiver(() => over)
  const bot = await receiver()
  const { point, dispatcher, happens } = await setUp()
  for (let n = 0; n < 50; n++) {
    await point(hanging.url, { session: `dead${n}` })
    await point(bot.url, { session: `alive${n}` })
  }
  const running = dispatcher()
  await running.start()
  for (let chat = 0; chat < 4; chat++) {
    for (let n = 0; n < 50; n++) for (const to of ['dead', 'alive']) await happens(`c${chat}`, `${chat}`, `${to}${n}`)
  }
  const begun = performance.now()
  for (let n = 0; n < 50; n++) for (const to of ['dead', 'alive']) running.ring(`${to}${n}`)
  await bot.count(200)
  // Without places for those that answer, it would be the 20 s that an attempt may take.
  expect(performance.now() - begun).toBeLessThan(18_000)
  const stopping = running.stop()
  end(200)
  await stopping
})
