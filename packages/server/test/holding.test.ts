import { journal, replays, rows, type Store, webhooks } from '@wamux/core/stores'
import { expect, test } from 'vitest'
import { bodyOf, owed, START, setUp, turnUntil } from './dispatching.ts'
import { receiver } from './helpers.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const again = (store: Store, seq: number, at: number) =>
  store.write(function* () {
    const [entry] = yield* journal.after('demo', seq - 1, 1)
    yield* replays.redeliver('demo', webhooks.DEFAULT, [entry?.id ?? ''], at)
  })

test('an event that fails holds its chat for ten minutes; then others pass it and say so, and it comes when it can', async () => {
  const answer = { status: 500 }
  const bot = await receiver((received) => (bodyOf(received) === 'bad' ? answer.status : 200))
  const { store, clock, dispatcher, happens } = await setUp(bot.url)
  for (const body of ['bad', 'good', 'better']) await happens('a', body)
  const running = dispatcher()
  await running.start()
  await running.idle()
  await turnUntil(clock, running, () => bot.all.some((received) => bodyOf(received) !== 'bad'))
  expect(clock.now() - START).toBe(10 * MINUTE)
  await bot.next((received) => bodyOf(received) === 'better')
  const told = bot.all.map((received) => [bodyOf(received), received.headers['wamux-overtakes']])
  // After 0 s, 5 s and 5 min 5 s.
  expect(told.slice(0, 3)).toEqual(Array(3).fill(['bad', undefined]))
  expect(told.slice(3)).toEqual([
    ['good', '1'],
    ['better', '1'],
  ])
  // What is new goes at once: nothing holds it any more.
  await happens('a', 'new')
  running.ring('demo')
  await bot.next((received) => bodyOf(received) === 'new')
  answer.status = 200
  await running.idle()
  await turnUntil(clock, running, async () => (await owed(store)).length === 0)
  expect(bot.all.map(bodyOf).slice(5)).toEqual(['new', 'bad'])
  expect(clock.now() - START).toBe(35 * MINUTE + 5_000)
})

test('a clock that was set back neither holds a chat for longer nor lets an order go', async () => {
  const bot = await receiver((received) => (bodyOf(received) === 'bad' ? 500 : 200))
  const { clock, dispatcher, happens } = await setUp(bot.url)
  for (const body of ['bad', 'good']) await happens('a', body)
  const running = dispatcher()
  await running.start()
  await running.idle()
  clock.turn(-1_000)
  await happens('a', 'new')
  running.ring('demo')
  await running.idle()
  expect(bot.all.map(bodyOf)).toEqual(['bad'])
  clock.turn(-30 * 24 * HOUR)
  await happens('a', 'newer')
  running.ring('demo')
  await bot.next((received) => bodyOf(received) === 'newer')
  expect(new Set(bot.all.map(bodyOf).filter((body) => body !== 'bad'))).toEqual(new Set(['good', 'new', 'newer']))
})

test('a delivery that is asked for while it is attempted is made once more, whatever came of the attempt', async () => {
  for (const status of [200, 500]) {
    let release: () => void = () => {}
    const bot = await receiver((_, count) =>
      count === 1 ? new Promise<number>((resolve) => (release = () => resolve(status))) : 200,
    )
    const { store, clock, dispatcher, happens } = await setUp(bot.url)
    await happens('a', '1')
    const running = dispatcher()
    await running.start()
    await bot.count(1)
    await again(store, 1, clock.now())
    await running.hurry('demo', webhooks.DEFAULT)
    release()
    await bot.count(2)
    await running.idle()
    expect(await store.read(() => rows('SELECT state, attempts FROM deliveries'))).toEqual([
      { state: 'done', attempts: 0 },
    ])
    expect(bot.all).toHaveLength(2)
  }
})

test('when one works that had failed, the others of its chat that had failed are tried at once, and in order', async () => {
  const answer = { status: 500 }
  const bot = await receiver(() => answer.status)
  const { store, clock, dispatcher, happens } = await setUp(bot.url)
  for (const body of ['1', '2', '3', '4']) await happens('a', body)
  const running = dispatcher()
  await running.start()
  await running.idle()
  // Long enough for three of them to have been tried.
  await turnUntil(clock, running, () => clock.now() - START >= 25 * MINUTE)
  answer.status = 200
  const before = bot.all.length
  await turnUntil(clock, running, async () => (await owed(store)).length === 0)
  expect(bot.all.slice(before).map(bodyOf).slice(-4).toSorted()).toEqual(['1', '2', '3', '4'])
  expect(clock.now() - START).toBeLessThan(36 * MINUTE)
})

const HOURS = 80
const CHATS = 3
const EACH = 4

test(`a receiver that is down for ${HOURS} hours: dead letters after 75.6 h, and a replay returns all, in order`, async () => {
  const answer = { status: 503 }
  const bot = await receiver(() => answer.status)
  const { store, clock, dispatcher, happens } = await setUp(bot.url)
  for (let n = 0; n < EACH; n++) for (let chat = 0; chat < CHATS; chat++) await happens(`c${chat}`, `c${chat} ${n}`)
  const running = dispatcher()
  await running.start()
  await running.idle()
  const deadAt: number[] = []
  const dead = () =>
    store.read(() => rows<{ seq: number }>(`SELECT seq FROM deliveries WHERE state = 'dead' ORDER BY seq`))
  while ((clock.alarm ?? Number.POSITIVE_INFINITY) <= START + HOURS * HOUR) {
    await clock.next()
    await running.idle()
    const count = (await dead()).length
    while (deadAt.length < count) deadAt.push((clock.now() - START) / HOUR)
  }
  // The first of each chat after the schedule; those behind them later, by as much as they were held.
  expect(deadAt.slice(0, CHATS).map((hours) => hours.toFixed(1))).toEqual(Array(CHATS).fill('75.6'))
  expect(deadAt).toHaveLength(CHATS * EACH)
  expect(deadAt.at(-1)).toBeLessThan(76.5)
  expect((await store.read(() => webhooks.get('demo', webhooks.DEFAULT)))?.enabled).toBe(true)

  clock.turn(START + HOURS * HOUR - clock.now())
  answer.status = 200
  const before = bot.all.length
  const selection = { after: 0, last: CHATS * EACH, state: 'dead' } as const
  const at = clock.now()
  const { count } = await store.write(() => replays.replay('demo', webhooks.DEFAULT, selection, { limit: 999, at }))
  expect(count).toBe(CHATS * EACH)
  await running.hurry('demo', webhooks.DEFAULT)
  await bot.count(before + CHATS * EACH)
  await running.idle()
  expect(await owed(store)).toEqual([])
  const returned = bot.all.slice(before).map(bodyOf)
  for (let chat = 0; chat < CHATS; chat++) {
    const ofChat = returned.filter((body) => body.startsWith(`c${chat}`))
    expect(ofChat).toEqual(Array.from({ length: EACH }, (_, n) => `c${chat} ${n}`))
  }
})
