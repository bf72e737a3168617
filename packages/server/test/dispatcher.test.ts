import { deliveries, journal, rows, webhooks } from '@wamux/core/stores'
import { expect, test } from 'vitest'
import { DELAYS_MS } from '../src/webhooks/schedule.ts'
import { bodyOf, owed, START, setUp } from './dispatching.ts'
import { receiver } from './helpers.ts'

test('an event arrives as documented, signed, with its id as webhook-id, and is owed no longer', async () => {
  const bot = await receiver()
  const { store, dispatcher, happens } = await setUp(bot.url, 'geheim')
  const running = dispatcher()
  await running.start()
  await happens('491234567890@c.us', 'Hallo')
  running.ring('demo')
  const { event, body, headers } = await bot.next()
  expect(Object.keys(event)).toEqual(['id', 'event', 'instanceId', 'seq', 'timestamp', 'data'])
  expect(event).toMatchObject({
    event: 'message',
    instanceId: 'demo',
    seq: 1,
    timestamp: START,
    data: { body: 'Hallo' },
  })
  expect(headers).toMatchObject({
    'webhook-id': event.id,
    'content-type': 'application/json',
    'user-agent': 'wamux/0.0.0',
    'content-length': String(Buffer.byteLength(body)),
  })
  expect(headers['webhook-signature']).toMatch(/^v1,/)
  await running.stop()
  expect(await owed(store)).toEqual([])
})

test('a new webhook begins with the next event; replacing it keeps its place', async () => {
  const bot = await receiver()
  const { point, dispatcher, happens } = await setUp()
  const running = dispatcher()
  await running.start()
  await happens('a', 'old')
  await point('http://127.0.0.1:9/')
  await happens('a', 'new')
  await point(bot.url)
  running.ring('demo')
  expect(bodyOf(await bot.next())).toBe('new')
})

test('what nobody rang for is found at the next start', async () => {
  const bot = await receiver()
  const { dispatcher, happens } = await setUp(bot.url)
  await happens('a', '1')
  await happens('b', '2')
  await dispatcher().start()
  expect((await bot.count(2)).map(bodyOf).sort()).toEqual(['1', '2'])
})

test('what a commit has made owed whose answer was lost is delivered when the store is there again', async () => {
  const bot = await receiver()
  const { store, clock, dispatcher, happens } = await setUp(bot.url)
  let isLost = false
  const running = dispatcher({
    read: (work) => store.read(work),
    close: () => store.close(),
    write: async (work) => {
      const value = await store.write(work)
      if (!isLost) return value
      isLost = false
      throw new Error('The connection ended after COMMIT.')
    },
  })
  await running.start()
  isLost = true
  await happens('a', '1')
  running.ring('demo')
  await clock.next()
  expect(bodyOf(await bot.next())).toBe('1')
})

test('a chat is delivered one by one and in order, chats beside each other', async () => {
  let busiest = 0
  const busy = new Map<string, number>()
  const gates: (() => void)[] = []
  const bot = await receiver(async ({ event }) => {
    const chat = event.event === 'message' ? event.data.chatId : ''
    busy.set(chat, (busy.get(chat) ?? 0) + 1)
    expect(busy.get(chat)).toBe(1)
    busiest = Math.max(
      busiest,
      [...busy.values()].reduce((a, b) => a + b),
    )
    // Two at a time wait for each other: without chats beside each other this test would never end.
    if (gates.length === 0) await new Promise<void>((open) => gates.push(open))
    else for (const open of gates.splice(0)) open()
    busy.set(chat, 0)
    return 200
  })
  const { dispatcher, happens } = await setUp(bot.url)
  for (let n = 0; n < 20; n++) for (const chat of ['a', 'b']) await happens(chat, `${chat}${n}`)
  await dispatcher().start()
  const all = (await bot.count(40)).map(bodyOf)
  for (const chat of ['a', 'b']) {
    expect(all.filter((body) => body.startsWith(chat))).toEqual(Array.from({ length: 20 }, (_, n) => `${chat}${n}`))
  }
  expect(busiest).toBe(2)
})

test('what fails is tried again under the same id and holds only its own chat', async () => {
  let isBroken = true
  const bot = await receiver((received) => (isBroken && bodyOf(received) === 'a1' ? 500 : 200))
  const { clock, dispatcher, happens } = await setUp(bot.url)
  for (const body of ['a1', 'a2', 'b1']) await happens(body.slice(0, 1), body)
  await dispatcher().start()
  await bot.next((received) => bodyOf(received) === 'b1')
  isBroken = false
  expect(await clock.next()).toBe(5_000)
  await bot.next((received) => bodyOf(received) === 'a2')
  expect(bot.all.map(bodyOf).filter((body) => body.startsWith('a'))).toEqual(['a1', 'a1', 'a2'])
  const ids = bot.all.filter((received) => bodyOf(received) === 'a1').map(({ headers }) => headers['webhook-id'])
  expect(new Set(ids).size).toBe(1)
})

test('ten attempts by the schedule, over restarts; then it is dead', async () => {
  const bot = await receiver(() => 500)
  const { store, clock, dispatcher, happens } = await setUp(bot.url)
  await happens('a', 'bad')
  const waits: number[] = []
  for (let attempt = 1; attempt < 10; attempt++) {
    // Each attempt by another process: what is known is in the store.
    const running = dispatcher()
    await running.start()
    await bot.count(attempt)
    waits.push(await clock.next())
    await running.stop()
    // The alarm may have begun the next attempt in the process that then stopped.
    while (bot.all.length > attempt) bot.all.pop()
  }
  expect(waits).toEqual(DELAYS_MS.slice(1))
  const last = dispatcher()
  await last.start()
  await last.idle()
  expect(await owed(store)).toEqual([{ seq: 1, state: 'dead', attempts: 10 }])
})

test('an attempt that a stop cut off is made again and was not counted', async () => {
  let release: () => void = () => {}
  const bot = await receiver((_, count) =>
    count === 1 ? new Promise<number>((resolve) => (release = () => resolve(500))) : 200,
  )
  const { store, dispatcher, happens } = await setUp(bot.url)
  await happens('a', 'Hallo')
  const first = dispatcher()
  await first.start()
  await bot.next()
  const stopping = first.stop()
  release()
  await stopping
  expect(await owed(store)).toEqual([{ seq: 1, state: 'pending', attempts: 0 }])
  await dispatcher().start()
  const [before, after] = await bot.count(2)
  expect(after?.headers['webhook-id']).toBe(before?.headers['webhook-id'])
})

test('a receiver that hangs holds its own session and no other', async () => {
  const never: (() => void)[] = []
  const hanging = await receiver(() => new Promise<number>((resolve) => never.push(() => resolve(200))))
  const bot = await receiver()
  const { point, dispatcher, happens } = await setUp(hanging.url)
  await point(bot.url, { session: 'other' })
  for (let n = 0; n < 100; n++) await happens(`chat${n}`, `${n}`)
  await happens('a', 'Hallo', 'other')
  const running = dispatcher()
  await running.start()
  expect(bodyOf(await bot.next())).toBe('Hallo')
  await hanging.count(6)
  expect(hanging.all).toHaveLength(6)
  const stopping = running.stop()
  for (const end of never) end()
  await stopping
})

/** A receiver that refused the first event of chat `a` twice, so that it sleeps for five minutes now. */
async function refused() {
  const answer = { status: 500 }
  const bot = await receiver(() => answer.status)
  const { dispatcher, ...setup } = await setUp(bot.url)
  const running = dispatcher()
  await setup.happens('a', '1')
  await running.start()
  await bot.count(1)
  await setup.clock.next()
  await bot.count(2)
  await setup.clock.armed()
  return { ...setup, bot, running, answer }
}

test('a receiver that is back is noticed by the next event of the chat, and the order stays', async () => {
  const { store, clock, bot, running, answer, happens } = await refused()
  // A new event is a reason to look again, but not at once and not counted.
  await happens('a', '2')
  running.ring('demo')
  await expect.poll(async () => (await owed(store)).length).toBe(2)
  expect(bot.all).toHaveLength(2)
  clock.turn(60_000)
  await happens('a', '3')
  running.ring('demo')
  await bot.count(3)
  await clock.armed()
  answer.status = 200
  expect((await owed(store))[0]).toEqual({ seq: 1, state: 'pending', attempts: 2 })
  clock.turn(60_000)
  await happens('a', '4')
  running.ring('demo')
  await bot.next((received) => bodyOf(received) === '4')
  expect(bot.all.map(bodyOf)).toEqual(['1', '1', '1', '1', '2', '3', '4'])
})

test('and by any event of the same webhook', async () => {
  const { clock, bot, running, answer, happens } = await refused()
  answer.status = 200
  clock.turn(60_000)
  await happens('b', 'other')
  running.ring('demo')
  await bot.count(4)
  expect(bot.all.map(bodyOf)).toEqual(['1', '1', 'other', '1'])
})

test('a webhook that is removed gets nothing more, of what was owed and of what is new', async () => {
  const bot = await receiver(() => 500)
  const { store, dispatcher, happens } = await setUp(bot.url)
  await happens('a', '1')
  const running = dispatcher()
  await running.start()
  await bot.next()
  await store.write(function* () {
    yield* webhooks.remove('demo', webhooks.DEFAULT)
    yield* deliveries.removeAll('demo', webhooks.DEFAULT)
  })
  await happens('a', '2')
  running.ring('demo')
  await running.hurry('demo', webhooks.DEFAULT)
  await running.stop()
  await dispatcher().start()
  expect(bot.all).toHaveLength(1)
  expect(await owed(store)).toEqual([])
})

test('a changed URL is tried at once', async () => {
  const broken = await receiver(() => 500)
  const bot = await receiver()
  const { store, clock, dispatcher, happens } = await setUp(broken.url)
  await happens('a', '1')
  const running = dispatcher()
  await running.start()
  await broken.next()
  expect(await clock.next()).toBe(5_000)
  await broken.count(2)
  await store.write(function* () {
    yield* webhooks.set('demo', webhooks.DEFAULT, { ...webhooks.PLAIN, name: '', url: bot.url, changedAt: START + 1 })
    yield* deliveries.hurry('demo', webhooks.DEFAULT, clock.now())
  })
  await running.hurry('demo', webhooks.DEFAULT)
  expect(bodyOf(await bot.next())).toBe('1')
})

test('events of no chat are delivered too', async () => {
  const bot = await receiver()
  const { store, dispatcher } = await setUp(bot.url)
  const data = { phone: '491234567890', lid: null, name: 'Max', timestamp: START }
  await store.write(() => journal.append('demo', 'ready', null, START, data))
  await dispatcher().start()
  expect((await bot.next()).event).toMatchObject({ event: 'ready', data })
})

test('many events at once become deliveries in the order of the journal', async () => {
  const bot = await receiver()
  const { store, dispatcher, happens } = await setUp(bot.url)
  const running = dispatcher()
  await running.start()
  await Promise.all(Array.from({ length: 450 }, (_, n) => happens('a', String(n))))
  for (let n = 0; n < 10; n++) running.ring('demo')
  expect((await bot.count(450)).map(bodyOf)).toEqual(Array.from({ length: 450 }, (_, n) => String(n)))
  await running.stop()
  expect(await owed(store)).toEqual([])
})

test('each webhook gets the events that it wants, with its headers and its signature', async () => {
  const all = await receiver()
  const some = await receiver()
  const { store, point, dispatcher, happens } = await setUp(all.url)
  await point(some.url, {
    id: 'some',
    events: ['ready'],
    headers: { authorization: 'Bearer x', 'user-agent': 'own' },
    secret: 's',
  })
  await happens('a', '1')
  const data = { phone: '491234567890', lid: null, name: 'Max', timestamp: START }
  await store.write(() => journal.append('demo', 'ready', null, START, data))
  const running = dispatcher()
  await running.start()
  expect((await all.count(2)).map(({ event }) => event.event).sort()).toEqual(['message', 'ready'])
  const { event, headers } = await some.next()
  expect(event.event).toBe('ready')
  expect(headers).toMatchObject({
    authorization: 'Bearer x',
    'user-agent': 'own',
    'webhook-signature': expect.any(String),
  })
  expect(all.all[0]?.headers).not.toHaveProperty('webhook-signature')
  await running.stop()
  expect(some.all).toHaveLength(1)
  const places = (await store.read(() => webhooks.ofSession('demo'))).map(({ cursor }) => cursor)
  expect(places).toEqual([2, 2])
})

test('a webhook that fails holds up no other of its instance', async () => {
  const broken = await receiver(() => 500)
  const bot = await receiver()
  const { store, point, dispatcher, happens } = await setUp(broken.url)
  await point(bot.url, { id: 'second' })
  for (const body of ['1', '2']) await happens('a', body)
  const running = dispatcher()
  await running.start()
  expect((await bot.count(2)).map(bodyOf)).toEqual(['1', '2'])
  await broken.next()
  await running.stop()
  const states = await store.read(() => rows('SELECT webhook, seq, state FROM deliveries ORDER BY webhook, seq'))
  expect(states).toEqual([
    { webhook: 'default', seq: 1, state: 'pending' },
    { webhook: 'default', seq: 2, state: 'pending' },
    { webhook: 'second', seq: 1, state: 'done' },
    { webhook: 'second', seq: 2, state: 'done' },
  ])
})

test('a webhook that is not enabled gets nothing, and goes on where it was when it is again', async () => {
  const bot = await receiver()
  const { point, dispatcher, happens } = await setUp(bot.url)
  await point(bot.url, { enabled: false })
  await happens('a', '1')
  const running = dispatcher()
  await running.start()
  await happens('a', '2')
  running.ring('demo')
  await running.stop()
  expect(bot.all).toHaveLength(0)
  await point(bot.url)
  await dispatcher().start()
  expect((await bot.count(2)).map(bodyOf)).toEqual(['1', '2'])
})

test('a receiver that is gone (410) gets nothing more, and what is owed when it is enabled again', async () => {
  const answer = { status: 410 }
  const bot = await receiver(() => answer.status)
  const { store, point, dispatcher, happens } = await setUp(bot.url)
  for (const body of ['1', '2']) await happens('a', body)
  const running = dispatcher()
  await running.start()
  await bot.next()
  const webhook = () => store.read(() => webhooks.get('demo', webhooks.DEFAULT))
  await expect.poll(webhook).toMatchObject({ enabled: false, disabledReason: 'gone' })
  await happens('b', '3')
  running.ring('demo')
  await running.stop()
  expect(bot.all).toHaveLength(1)
  answer.status = 200
  await point(bot.url)
  await dispatcher().start()
  const told = (await bot.count(5)).map(bodyOf)
  expect(told.filter((body) => body === '1' || body === '2')).toEqual(['1', '1', '2'])
  expect(bot.all.find(({ event }) => event.event === 'webhook_disabled')?.event.data).toEqual({
    webhookId: 'default',
    name: 'default',
    reason: 'gone',
    timestamp: START,
  })
})

test('a receiver that has taken nothing for five days gets nothing more; one that took something begins anew', async () => {
  const answer = { status: 500 }
  const bot = await receiver(() => answer.status)
  const { store, clock, dispatcher, happens } = await setUp(bot.url)
  const webhook = () => store.read(() => webhooks.get('demo', webhooks.DEFAULT))
  const running = dispatcher()
  await happens('a', '1')
  await running.start()
  await bot.count(1)
  await clock.armed()
  expect(await webhook()).toMatchObject({ enabled: true, failingSince: START })
  answer.status = 200
  await clock.next()
  await bot.count(2)
  await expect.poll(webhook).toMatchObject({ failingSince: null })
  answer.status = 500
  await happens('b', '2')
  running.ring('demo')
  await bot.count(3)
  await clock.armed()
  clock.turn(5 * 24 * 3_600_000)
  await clock.next()
  await expect.poll(webhook).toMatchObject({ enabled: false, disabledReason: 'failing' })
  await running.stop()
  expect(await owed(store)).toEqual([{ seq: 2, state: 'pending', attempts: 1 }])
})
