import { once } from 'node:events'
import { journal } from '@wamux/core/stores'
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Server } from '../src/index.ts'
import { toSse } from '../src/stream/sse.ts'
import { type Api, shared, started } from './helpers.ts'

// One server, and an instance of its own for each test.
let app: Api & { server: Server }
let id: string
let key: string
let path: string

beforeAll(async () => {
  const { scope, end } = shared()
  app = await started({}, scope)
  return end
})

beforeEach(async () => {
  const { body } = await app.admin('POST', '/api/instances', {})
  id = body.data.id
  key = body.data.apiKey
  path = `/api/instances/${id}/events`
})

/** For what ends it: a server of one's own. */
async function ownServer(): Promise<{ url: string; key: string; close(): Promise<void>; token: string }> {
  const own = await started()
  const { body } = await own.admin('POST', '/api/instances', { id: 'own' })
  const { server } = own
  return { url: server.url, key: body.data.apiKey, close: () => server.close(), token: await own.token() }
}

/** Journals an event as core does, and rings as core does. */
async function happen(cause: string): Promise<void> {
  const { manager } = app.server
  const timestamp = Date.now()
  await manager.store.write(() => journal.append(id, 'logged_out', null, timestamp, { cause, timestamp }))
  const [last] = await manager.store.read(function* () {
    return yield* journal.after(id, (yield* journal.newest(id)) - 1, 1)
  })
  if (!last) throw new Error('The journal is empty.')
  manager.session(id).tell({ ...last, sessionId: id })
}

const pull = (query = '', headers = {}) => app.call('GET', `${path}${query}`, { key, headers })
const causes = (events: { data: { cause: string } }[]) => events.map(({ data }) => data.cause)

describe('a pull', () => {
  test('gives pages, oldest first, in the shape of webhooks', async () => {
    for (const cause of ['1', '2', '3']) await happen(cause)
    const first = await pull('?after=0&limit=2')
    expect(causes(first.body.data)).toEqual(['1', '2'])
    expect(first.body.data[0]).toMatchObject({ id: expect.any(String), event: 'logged_out', instanceId: id, seq: 1 })
    expect(first.body.nextCursor).toBe('2')
    const second = await pull('?after=2&limit=2')
    expect(causes(second.body.data)).toEqual(['3'])
    expect(second.body.nextCursor).toBeNull()
    expect((await pull()).body.data).toEqual([])
    expect((await pull('?after=0&events=message,ready')).body.data).toEqual([])
  })

  test('waits for the first event when it is asked to, and not longer than it takes', async () => {
    await happen('1')
    const waiting = pull('?after=1&wait=60')
    await happen('2')
    expect(causes((await waiting).body.data)).toEqual(['2'])
  })

  test.each([
    ['?after=-1', 'after'],
    ['?after=x', 'after'],
    ['?after=7', 'after'],
    ['?wait=61', 'wait'],
    ['?limit=0', 'limit'],
    ['?events=massage', 'events'],
    ['?events=', 'events'],
    ['?since=1', 'since'],
  ])('%s is refused by name', async (query, path) => {
    const { status, body } = await pull(query)
    expect(status).toBe(400)
    expect(body.details.issues[0].path).toContain(path)
  })

  test('a place that is no longer kept is said, instead of a gap that nobody sees', async () => {
    for (const cause of ['1', '2', '3']) await happen(cause)
    await app.server.manager.store.write(function* () {
      yield* journal.prune(id, Date.now() + 1_000)
    })
    // Nobody has been told of any in the process that wrote them: nothing goes.
    expect(causes((await pull('?after=0')).body.data)).toEqual(['1', '2', '3'])
    await app.server.manager.session(id).stop()
    await app.server.manager.store.write(function* () {
      yield { sql: 'UPDATE sessions SET announced = 3 WHERE id = ?', params: [id] }
      yield* journal.prune(id, Date.now() + 1_000)
    })
    expect(causes((await pull('?after=0')).body.data)).toEqual(['3'])
    expect(causes((await pull('?after=2')).body.data)).toEqual(['3'])
    const { status, body } = await pull('?after=1')
    expect([status, body.code, body.details]).toEqual([410, 'EVENTS_PRUNED', { oldest: 3 }])
    await happen('4')
    expect((await pull('?after=3')).body.data[0].seq).toBe(4)
  })
})

describe('server-sent events', () => {
  /** Reads until the text says enough. */
  async function stream(query: string, headers: Record<string, string>, enough: (text: string) => boolean) {
    const left = new AbortController()
    const response = await fetch(`${app.server.url}${path}${query}`, {
      headers: { accept: 'text/event-stream', 'x-api-key': key, ...headers },
      signal: left.signal,
    })
    let text = ''
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    while (reader && !enough(text)) text += (await reader.read()).value ?? ''
    left.abort()
    return { response, text }
  }

  test('begin with the place, carry it as id, and go on where Last-Event-ID says', async () => {
    for (const cause of ['1', '2']) await happen(cause)
    const { response, text } = await stream('?after=0', {}, (so) => so.includes('id: 2\nevent: logged_out'))
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(response.headers.get('x-request-id')).toMatch(/-/)
    expect(text).toMatch(/^id: 0\nevent: cursor\ndata: \{"cursor":0\}\n\nid: 1\nevent: logged_out\ndata: \{"id":"evt_/)
    const resumed = await stream('', { 'last-event-id': '1' }, (so) => so.includes('"cause":"2"'))
    expect(resumed.text).not.toContain('"cause":"1"')
    const fresh = stream('', {}, (so) => so.includes('"cause":"3"'))
    const three = await stream('?after=2', {}, (so) => so.includes('cursor'))
    expect(three.text).toContain('id: 2\nevent: cursor')
    await happen('3')
    // The one without a place may have begun after it: then the next is its first.
    await happen('3')
    expect((await fresh).text).not.toContain('"cause":"2"')
  })

  test('a place that cannot be had is an answer like any other', async () => {
    const { status, body } = await pull('?after=99', { accept: 'text/event-stream' })
    expect([status, body.code]).toEqual([400, 'INVALID_INPUT'])
    expect((await pull('', { accept: 'text/event-stream', 'last-event-id': 'x' })).status).toBe(400)
  })

  test('end when the server stops, at once', async () => {
    const own = await ownServer()
    const response = await fetch(`${own.url}/api/instances/own/events`, {
      headers: { accept: 'text/event-stream', 'x-api-key': own.key },
    })
    const rest = response.text()
    await own.close()
    expect(await rest).toContain('event: cursor')
  })

  test('nothing is read from the journal that nobody takes', async () => {
    let made = 0
    const source = {
      cursor: 0,
      async *events() {
        for (;;) yield { ...EVENT, seq: ++made }
      },
    }
    const over = new AbortController()
    const { body } = toSse(source, { signal: over.signal, report: () => undefined })
    const reader = body?.getReader()
    const turns = async () => {
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
    await turns()
    expect(made).toBeLessThanOrEqual(1)
    for (let taken = 0; taken < 10; taken++) await reader?.read()
    await turns()
    expect(made).toBeGreaterThanOrEqual(9)
    expect(made).toBeLessThanOrEqual(11)
    await reader?.cancel()
  })
})

const EVENT = {
  id: 'evt_1',
  event: 'logged_out' as const,
  instanceId: 'a',
  timestamp: 1,
  data: { cause: '401', timestamp: 1 },
}

describe('a WebSocket', () => {
  const address = (server = app.server.url) => `${server.replace('http', 'ws')}${path}/ws`
  const open = (query = '', headers: Record<string, string> = { 'x-api-key': key }, url = address()) => {
    const socket = new WebSocket(`${url}${query}`, { headers })
    // One that was refused complains when it is ended.
    socket.on('error', () => undefined)
    onTestFinished(() => socket.terminate())
    const heard: string[] = []
    const waiting: { count: number; resolve: () => void }[] = []
    socket.on('message', (data) => {
      heard.push(String(data))
      for (const { count, resolve } of waiting) if (heard.length >= count) resolve()
    })
    const count = async (wanted: number) => {
      if (heard.length < wanted) await new Promise<void>((resolve) => waiting.push({ count: wanted, resolve }))
      return heard.slice(0, wanted).map((text) => JSON.parse(text))
    }
    return { socket, count }
  }
  const refusal = async (query: string, headers: Record<string, string>) => {
    const { socket } = open(query, headers)
    const [, response] = await once(socket, 'unexpected-response')
    let text = ''
    for await (const chunk of response) text += chunk
    return { status: response.statusCode, body: JSON.parse(text) }
  }

  test('says the place first, then every event from there on', async () => {
    for (const cause of ['1', '2']) await happen(cause)
    const { count } = open('?after=1')
    await count(2)
    await happen('3')
    const [cursor, ...rest] = await count(3)
    expect(cursor).toEqual({ cursor: 1 })
    expect(causes(rest)).toEqual(['2', '3'])
    expect(rest[0]).toMatchObject({ instanceId: id, seq: 2 })
  })

  test('is refused in the documented envelope without a credential, with another one, or for another instance', async () => {
    expect(await refusal('', {})).toMatchObject({ status: 401, body: { success: false, code: 'UNAUTHENTICATED' } })
    expect(await refusal('?after=9', { 'x-api-key': key })).toMatchObject({ status: 400 })
    expect(await refusal('?since=9', { 'x-api-key': key })).toMatchObject({ status: 400 })
    expect(await refusal(`?key=${key}`, {})).toMatchObject({ status: 400 })
    const { body } = await app.admin('POST', '/api/instances', {})
    expect(await refusal('', { 'x-api-key': body.data.apiKey })).toMatchObject({
      status: 404,
      body: { code: 'INSTANCE_NOT_FOUND' },
    })
  })

  test('ends when something is said to it, when the instance is deleted, and when the server stops', async () => {
    const talking = open()
    await talking.count(1)
    talking.socket.send('hello')
    expect((await once(talking.socket, 'close'))[0]).toBe(1008)
    const deleted = open()
    await deleted.count(1)
    const ended = once(deleted.socket, 'close')
    await app.admin('DELETE', `/api/instances/${id}`)
    expect((await ended)[0]).toBe(1001)
    const own = await ownServer()
    const url = `${own.url.replace('http', 'ws')}/api/instances/own/events/ws`
    const stopped = open('', { authorization: `Bearer ${own.token}` }, url)
    await stopped.count(1)
    const closed = once(stopped.socket, 'close')
    await own.close()
    expect((await closed)[0]).toBe(1001)
  })

  test('a plain request is told what the route speaks', async () => {
    expect((await app.call('GET', `${path}/ws`, { key })).status).toBe(400)
  })
})
