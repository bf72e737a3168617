import { journal, rows, run } from '@wamux/core/stores'
import { expect, test } from 'vitest'
import { type Received, receiver, started } from './helpers.ts'

const path = '/api/instances/a/webhooks'
const nameOf = ({ event }: Received) => (event.event === 'ready' ? event.data.name : event.event)

/** An instance with a webhook whose receiver answers `answer.status`, and events written by hand. */
async function setUp(settings: object = {}) {
  const app = await started({ allowLoopback: true })
  await app.admin('POST', '/api/instances', { id: 'a' })
  await app.admin('POST', '/api/instances/a/stop')
  const { store } = app.server.manager
  const answer = { status: 200 }
  const bot = await receiver(() => answer.status)
  const { id } = (await app.admin('POST', path, { url: bot.url, ...settings })).body.data
  const one = `${path}/${id}`
  const { key } = await app.admin('POST', '/api/instances/a/keys').then(({ body }) => ({ key: body.data.apiKey }))
  return {
    app,
    store,
    bot,
    answer,
    one,
    id,
    key,
    /** `ready` events with these names, at 1, 2, 3 … ms since the epoch. */
    happen: async (...names: string[]) => {
      for (const name of names) {
        const data = { phone: '491234567890', lid: null, name, timestamp: 1 }
        await store.write(function* () {
          const { newest } = yield* journal.bounds('a')
          yield* journal.append('a', 'ready', null, newest + 1, data)
        })
      }
      app.server.manager.session('a').ring()
    },
    states: () =>
      store.read(() => rows<{ seq: number; state: string }>('SELECT seq, state FROM deliveries ORDER BY seq')),
  }
}

/** Three events that were delivered. */
async function delivered(settings: object = {}) {
  const all = await setUp(settings)
  await all.happen('1', '2', '3')
  await all.bot.count(3)
  await expect.poll(all.states).toEqual([1, 2, 3].map((seq) => ({ seq, state: 'done' })))
  return all
}

test('deliveries are listed, newest first, by state and in pages, and shown with their attempts and content', async () => {
  const { app, bot, answer, one, happen, states, key } = await delivered()
  answer.status = 500
  await happen('4')
  await bot.count(4)
  await expect.poll(async () => (await states()).length).toBe(4)
  const attempted = async () => (await app.admin('GET', `${one}/deliveries?state=pending`)).body.data[0]?.failures
  await expect.poll(attempted).toBe(1)
  const all = (await app.admin('GET', `${one}/deliveries`)).body
  expect(all.data.map(({ seq, state }: { seq: number; state: string }) => [seq, state])).toEqual([
    [4, 'pending'],
    [3, 'done'],
    [2, 'done'],
    [1, 'done'],
  ])
  expect(all.data[0]).toEqual({
    eventId: bot.all[3]?.event.id,
    event: 'ready',
    seq: 4,
    chatId: null,
    state: 'pending',
    failures: 1,
    failedAt: expect.any(Number),
    nextAttemptAt: expect.any(Number),
    settledAt: null,
    lastAttempt: { at: expect.any(Number), durationMs: expect.any(Number), status: 500, error: 'HTTP 500' },
  })
  expect(all.data[1]).toMatchObject({ nextAttemptAt: null, settledAt: expect.any(Number), failures: 0 })
  const first = (await app.admin('GET', `${one}/deliveries?limit=2&state=done`)).body
  const rest = (await app.admin('GET', `${one}/deliveries?limit=2&state=done&cursor=${first.nextCursor}`)).body
  expect([...first.data, ...rest.data].map(({ seq }: { seq: number }) => seq)).toEqual([3, 2, 1])
  expect(rest.nextCursor).toBeNull()
  const shown = (await app.call('GET', `${one}/deliveries/${all.data[0].eventId}`, { key })).body.data
  expect(shown).toEqual({ ...all.data[0], attempts: [all.data[0].lastAttempt], content: bot.all[3]?.event })
  expect((await app.admin('GET', `${one}/deliveries/evt_none`)).body.code).toBe('NOT_FOUND')
  expect((await app.admin('GET', `${path}/none/deliveries`)).body.code).toBe('NOT_FOUND')
  expect((await app.admin('GET', `${one}/deliveries?cursor=x`)).body.code).toBe('INVALID_INPUT')
  expect((await app.admin('GET', `${one}/deliveries?state=lost`)).body.code).toBe('INVALID_INPUT')
})

test('one is delivered once more, under the same id, and what has been said of it stays', async () => {
  const { app, bot, one } = await delivered()
  const { id } = bot.all[1]?.event ?? {}
  const again = await app.admin('POST', `${one}/deliveries/${id}/redeliver`)
  expect(again.body.data).toMatchObject({ eventId: id, state: 'pending', failures: 0 })
  const [, , , repeat] = await bot.count(4)
  expect([repeat?.body, repeat?.headers['webhook-id']]).toEqual([bot.all[1]?.body, id])
  await expect
    .poll(async () => (await app.admin('GET', `${one}/deliveries/${id}`)).body.data)
    .toMatchObject({ state: 'done', attempts: [{ status: 200 }, { status: 200 }] })
  expect((await app.admin('POST', `${one}/deliveries/evt_none/redeliver`)).body.code).toBe('NOT_FOUND')
})

test.each([
  ['everything', { after: 0 }, '1 2 3'],
  ['after a place', { after: 1 }, '2 3'],
  ['after the last', { after: 3 }, ''],
  ['since a time', { since: 2 }, '2 3'],
  ['until a time', { until: 3 }, '1 2'],
  ['in between', { since: 2, until: 3 }, '2'],
  ['by name', { after: 0, events: ['ready'] }, '1 2 3'],
  ['of another name', { after: 0, events: ['message'] }, ''],
  ['by state', { state: 'done' }, '1 2 3'],
  ['of another state', { state: 'dead' }, ''],
])('a replay of %s: %j', async (_, selection, expected) => {
  const { app, bot, one } = await delivered()
  const names = expected === '' ? [] : expected.split(' ')
  const { body } = await app.admin('POST', `${one}/replay`, selection)
  expect(body.data).toEqual({ count: names.length })
  expect((await bot.count(3 + names.length)).slice(3).map(nameOf)).toEqual(names)
})

test('a replay by ids is of all of them, or of none', async () => {
  const { app, bot, one } = await delivered()
  const [first, , third] = bot.all.map(({ event }) => event.id)
  const { body } = await app.admin('POST', `${one}/replay`, { ids: [third, first, first] })
  expect(body.data).toEqual({ count: 2 })
  expect((await bot.count(5)).slice(3).map(nameOf)).toEqual(['1', '3'])
  const refused = await app.admin('POST', `${one}/replay`, { ids: [first, 'evt_none'] })
  expect([refused.status, refused.body.code]).toEqual([404, 'NOT_FOUND'])
  expect(refused.body.error).toContain('evt_none')
  expect(bot.all).toHaveLength(5)
})

test('a replay holds what the webhook wants and nothing that it has still to be told of', async () => {
  const { app, store, bot, one, happen } = await delivered({ events: ['ready'] })
  await store.write(() => journal.append('a', 'logged_out', null, 4, { cause: '401', timestamp: 4 }))
  await app.admin('PATCH', one, { enabled: false })
  await happen('5')
  // 5 is behind the webhook's place: it would be told twice, or the two would get in each other's way.
  expect((await app.admin('POST', `${one}/replay`, { after: 0 })).body.data).toEqual({ count: 3 })
  expect(bot.all).toHaveLength(3)
  await app.admin('PATCH', one, { enabled: true })
  expect((await bot.count(7)).slice(3).map(nameOf)).toEqual(['1', '2', '3', '5'])
})

test('a replay to a webhook that is new reaches back before it was made', async () => {
  const { app, bot } = await delivered()
  const { id } = (await app.admin('POST', path, { url: bot.url, events: ['ready'] })).body.data
  expect((await app.admin('POST', `${path}/${id}/replay`, { after: 1 })).body.data).toEqual({ count: 2 })
  expect((await bot.count(5)).slice(3).map(nameOf)).toEqual(['2', '3'])
})

test('what is no longer in the journal is not promised', async () => {
  const { app, store, bot, one } = await delivered()
  const [first] = bot.all.map(({ event }) => event.id)
  await store.write(() => run('DELETE FROM events WHERE seq < 3'))
  for (const [what, body] of [
    [`deliveries/${first}/redeliver`, undefined],
    ['replay', { ids: [first] }],
    ['replay', { after: 1 }],
  ] as const) {
    const reply = await app.admin('POST', `${one}/${what}`, body)
    expect([reply.status, reply.body.code, reply.body.details]).toEqual([410, 'EVENTS_PRUNED', { oldest: 3 }])
  }
  expect((await app.admin('GET', `${one}/deliveries/${first}`)).body.data).toMatchObject({
    event: 'ready',
    content: null,
  })
  expect((await app.admin('POST', `${one}/replay`, { after: 0 })).body.data).toEqual({ count: 1 })
})

test.each([
  {},
  { events: ['ready'] },
  { ids: [] },
  { ids: ['evt_1'], after: 0 },
  { after: -1 },
  { after: 9 },
  { since: 'today' },
  { state: 'lost' },
  { after: 0, everything: true },
])('a replay of %j is refused and changes nothing', async (body) => {
  const { app, bot, one, states } = await delivered()
  expect((await app.admin('POST', `${one}/replay`, body)).body.code).toBe('INVALID_INPUT')
  expect((await states()).every(({ state }) => state === 'done')).toBe(true)
  expect(bot.all).toHaveLength(3)
})

test('a webhook that is disabled is told of to the listeners and streams of its instance', async () => {
  const { app, answer, happen, id } = await setUp({ name: 'Kasse' })
  const told = new Promise((resolve) => app.server.manager.on('webhook_disabled', ({ data }) => resolve(data)))
  answer.status = 410
  await happen('1')
  const expected = { webhookId: id, name: 'Kasse', reason: 'gone', timestamp: expect.any(Number) }
  expect(await told).toEqual(expected)
  const { body } = await app.admin('GET', '/api/instances/a/events?after=0&events=webhook_disabled')
  expect(body.data).toMatchObject([{ event: 'webhook_disabled', instanceId: 'a', seq: 2, data: expected }])
})
