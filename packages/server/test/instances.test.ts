import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { api, folder, linked, network, receiver, started } from './helpers.ts'
import { httpServer } from './http-server.ts'

const instances = '/api/instances'

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const { port, close } = await httpServer()
  await close()
  return port
}

const answers = (port: number) =>
  fetch(`http://127.0.0.1:${port}/api/check-number/491234567890`).then(
    ({ status }) => status,
    () => 'closed',
  )

test('an instance is created with what was asked for, shown, changed and deleted', async () => {
  const app = await started()
  const { status, body } = await app.admin('POST', instances, { id: 'a', name: 'Support' })
  expect(status).toBe(201)
  expect(body.data).toMatchObject({ id: 'a', name: 'Support', account: null, port: null })
  const { apiKey: key, ...rest } = body.data
  const shown = await app.call('GET', `${instances}/a`, { key })
  expect(shown.body.data).toMatchObject({ id: 'a', createdAt: rest.createdAt })
  expect(shown.text).not.toContain('wapi_')
  const changed = await app.admin('PATCH', `${instances}/a`, { name: 'Sales' })
  expect(changed.body.data.name).toBe('Sales')
  const exists = await app.admin('POST', instances, { id: 'a' })
  expect([exists.status, exists.body.code, exists.body.details]).toEqual([409, 'INSTANCE_EXISTS', { id: 'a' }])
  for (const _ of [1, 2]) expect((await app.admin('DELETE', `${instances}/a`)).status).toBe(200)
  expect((await app.admin('GET', `${instances}/a`)).status).toBe(404)
  expect((await app.call('GET', `${instances}/a`, { key })).status).toBe(401)
})

test('without an id an instance gets a UUID', async () => {
  const app = await started()
  const { body } = await app.admin('POST', instances)
  expect(body.data.id).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/)
  expect(body.data.name).toBe(body.data.id)
})

test('instances are listed newest first, in pages', async () => {
  const app = await started()
  for (const id of ['a', 'b', 'c', 'd', 'e']) await app.admin('POST', instances, { id })
  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const { body } = await app.admin('GET', `${instances}?limit=2${cursor && `&cursor=${cursor}`}`)
    seen.push(...body.data.map(({ id }: { id: string }) => id))
    cursor = body.nextCursor
  }
  const all = (await app.admin('GET', instances)).body.data.map(({ id }: { id: string }) => id)
  expect(seen).toEqual(all)
  expect([...seen].sort()).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test.each(['start', 'stop', 'restart', 'logout'])('%s can be asked for twice', async (verb) => {
  const app = await started()
  await app.admin('POST', instances, { id: 'a' })
  for (const _ of [1, 2]) expect((await app.admin('POST', `${instances}/a/${verb}`)).status).toBe(200)
})

test('what WhatsApp cannot hear is not logged out', async () => {
  const emulator = await network()
  const app = await started({ baileys: emulator.socketConfig })
  await linked(app, emulator)
  await app.admin('POST', `${instances}/demo/stop`)
  const refused = await app.admin('POST', `${instances}/demo/logout`)
  expect([refused.status, refused.body.code, refused.body.details]).toEqual([
    503,
    'WHATSAPP_DISCONNECTED',
    { state: 'stopped' },
  ])
  expect((await app.admin('GET', `${instances}/demo`)).body.data.account).not.toBeNull()
})

test('a port that is in use makes nothing', async () => {
  const app = await started()
  const { port } = await httpServer()
  const { status, body } = await app.admin('POST', instances, { id: 'a', port })
  expect([status, body.code, body.details]).toEqual([409, 'PORT_IN_USE', { port }])
  expect((await app.admin('GET', instances)).body.data).toEqual([])
  const own = await app.admin('POST', instances, { id: 'a', port: app.server.port })
  expect(own.body.code).toBe('PORT_IN_USE')

  await app.admin('POST', instances, { id: 'a', name: 'before' })
  const change = await app.admin('PATCH', `${instances}/a`, { name: 'after', port })
  expect(change.body.code).toBe('PORT_IN_USE')
  expect((await app.admin('GET', `${instances}/a`)).body.data).toMatchObject({ name: 'before', port: null })
})

test('an instance that exists leaves no port open', async () => {
  const app = await started()
  await app.admin('POST', instances, { id: 'a' })
  const port = await freePort()
  expect((await app.admin('POST', instances, { id: 'a', port })).body.code).toBe('INSTANCE_EXISTS')
  expect(await answers(port)).toBe('closed')
})

test("an instance's port serves its two contact routes without a key, and nothing else", async () => {
  const emulator = await network()
  emulator.contact('491234567890', { name: 'Max Mustermann' })
  const app = await started({ baileys: emulator.socketConfig })
  await linked(app, emulator)
  const port = await freePort()
  expect((await app.admin('PATCH', `${instances}/demo`, { port })).body.data.port).toBe(port)
  const own = api(`http://127.0.0.1:${port}`)
  const check = await own.call('GET', '/api/check-number/491234567890')
  expect(check.text).toBe(
    '{"success":true,"data":{"phone":"491234567890","registered":true,"whatsappId":"491234567890@c.us"}}',
  )
  const nobody = await own.call('GET', '/api/check-number/499999999999')
  expect(nobody.body.data).toEqual({ phone: '499999999999', registered: false, whatsappId: null })
  const contact = await own.call('GET', '/api/contact/491234567890')
  expect(Object.keys(contact.body.data)).toEqual(['id', 'name', 'pushname', 'number', 'isBlocked', 'isBusiness'])
  const unknown = await own.call('GET', '/api/contact/499999999999')
  expect([unknown.status, unknown.body.code]).toEqual([422, 'NOT_ON_WHATSAPP'])
  for (const path of ['/health', '/openapi.json', instances, '/api/instances/demo', '/api/send-message']) {
    expect((await fetch(`http://127.0.0.1:${port}${path}`)).status, path).toBe(404)
  }
  expect((await fetch(`http://127.0.0.1:${port}/api/send-message`, { method: 'POST' })).status).toBe(404)
})

test('a port is closed by another one, by null, by deletion, and is back after a restart', async () => {
  const data = await folder()
  const app = await started({ data })
  const [first, second] = [await freePort(), await freePort()]
  await app.admin('POST', instances, { id: 'a', port: first })
  expect(await answers(first)).toBe(503)
  const taken = await app.admin('POST', instances, { id: 'b', port: first })
  expect(taken.body.code).toBe('PORT_IN_USE')
  await app.admin('PATCH', `${instances}/a`, { port: second })
  expect([await answers(first), await answers(second)]).toEqual(['closed', 503])
  await app.server.close()
  expect(await answers(second)).toBe('closed')

  const again = await started({ data })
  expect(await answers(second)).toBe(503)
  expect((await again.admin('GET', `${instances}/a`)).body.data.port).toBe(second)
  await again.admin('PATCH', `${instances}/a`, { port: null })
  expect(await answers(second)).toBe('closed')
  await again.admin('PATCH', `${instances}/a`, { port: second })
  await again.admin('DELETE', `${instances}/a`)
  expect(await answers(second)).toBe('closed')
})

test('on a public address the port needs the key of its instance', async () => {
  const app = await started({ instanceHost: '0.0.0.0' })
  const port = await freePort()
  const a = (await app.admin('POST', instances, { id: 'a', port })).body.data.apiKey
  const b = (await app.admin('POST', instances, { id: 'b' })).body.data.apiKey
  const own = api(`http://127.0.0.1:${port}`)
  const path = '/api/check-number/491234567890'
  const status = async (options: object) => (await own.call('GET', path, options)).status
  expect([await status({}), await status({ key: 'x' }), await status({ key: b }), await status({ key: a })]).toEqual([
    401, 401, 404, 503,
  ])
})

test('the QR comes as JSON, PNG, SVG and text, and is never cached', async () => {
  const emulator = await network()
  const app = await started({ baileys: emulator.socketConfig })
  const token = await app.token()
  const shown = new Promise<void>((resolve) => app.server.manager.once('qr', () => resolve()))
  const { body: created } = await app.admin('POST', instances, { id: 'a' })
  await shown
  const qr = (query = '', accept?: string) =>
    app.call('GET', `${instances}/a/qr${query}`, { token, ...(accept && { headers: { accept } }) })
  const { body, headers } = await qr()
  expect(body.data.qr).toMatch(/^https?:|,/)
  expect(body.data.expiresAt).toBeGreaterThan(Date.now())
  expect(headers.get('cache-control')).toBe('no-store')
  const types: [string, string | undefined, string][] = [
    ['?format=png', undefined, 'image/png'],
    ['?format=svg', undefined, 'image/svg+xml'],
    ['?format=text', undefined, 'text/plain; charset=utf-8'],
    ['?format=json', 'image/png', 'application/json; charset=utf-8'],
    ['', 'image/png', 'image/png'],
    ['', 'text/html, image/svg+xml;q=0.8', 'image/svg+xml'],
    ['', 'image/png;q=0, */*', 'application/json; charset=utf-8'],
    ['', '*/*', 'application/json; charset=utf-8'],
    ['', 'image/*', 'application/json; charset=utf-8'],
  ]
  for (const [query, accept, type] of types) {
    const reply = await qr(query, accept)
    expect([reply.status, reply.headers.get('content-type')], `${query} ${accept}`).toEqual([200, type])
    expect(reply.headers.get('cache-control')).toBe('no-store')
  }
  expect((await qr('?format=text')).text).toBe(body.data.qr)
  expect((await qr('?format=svg')).text).toContain('<svg')
  expect((await qr('?format=gif')).status).toBe(400)
  const withKey = await app.call('GET', `${instances}/a/qr`, { key: created.data.apiKey })
  expect(withKey.status).toBe(403)

  await app.admin('POST', `${instances}/a/stop`)
  const stopped = await qr()
  expect([stopped.status, stopped.body.code]).toEqual([409, 'NOT_LINKING'])
})

test('a batch is queued, sent, and its state can be asked for', async () => {
  const emulator = await network()
  const people = ['491234567890', '491234567891'].map((phone) => emulator.contact(phone))
  const app = await started({ baileys: emulator.socketConfig })
  const { key } = await linked(app, emulator)
  const messages = people.map(({ phone }, index) => ({ phone, message: `Hallo Person ${index + 1}!` }))
  const { status, body } = await app.call('POST', '/api/send-bulk', { key, body: { messages } })
  expect(status).toBe(202)
  expect(body.data).toMatchObject({ total: 2 })
  expect(body.data.messages[0]).toMatchObject({ index: 0, phone: '491234567890', status: 'queued' })
  for (const [index, person] of people.entries()) await person.hears(`Hallo Person ${index + 1}!`)
  const batch = await app.call('GET', `/api/send-bulk/${body.data.batchId}`, { key })
  expect(batch.body.data.messages).toHaveLength(2)
  const same = await app.admin('GET', `${instances}/demo/send-bulk/${body.data.batchId}`)
  expect(same.body.data.batchId).toBe(body.data.batchId)
  expect((await app.call('GET', '/api/send-bulk/none', { key })).status).toBe(404)
})

test('a webhook URL inside is refused, naming the setting; one that may be is shown without its secret', async () => {
  const app = await started({ outboundAllow: ['10.1.0.0/16'] })
  await app.admin('POST', instances, { id: 'a' })
  const set = (body: object) => app.admin('POST', `${instances}/a/webhook`, body)
  const refused = await set({ url: 'http://169.254.169.254/latest/meta-data' })
  expect([refused.status, refused.body.code, refused.body.details.setting]).toEqual([
    400,
    'URL_NOT_ALLOWED',
    'WAMUX_OUTBOUND_ALLOW',
  ])
  expect((await app.admin('GET', `${instances}/a/webhook`)).status).toBe(404)
  await set({ url: 'http://10.1.2.3/webhook', secret: 'optional-secret-for-hmac' })
  const shown = await app.admin('GET', `${instances}/a/webhook`)
  expect(shown.text).toBe('{"success":true,"data":{"url":"http://10.1.2.3/webhook","hasSecret":true}}')
  // The whole configuration is replaced: without a secret it is unsigned.
  expect((await set({ url: 'http://10.1.2.3/webhook' })).body.data.hasSecret).toBe(false)
  expect((await set({ url: 'http://10.1.2.3/', secret: 'whsec_not base64' })).status).toBe(400)
  expect((await set({ url: 'http://10.1.2.3/', secret: '' })).status).toBe(400)
  for (const _ of [1, 2]) expect((await app.admin('DELETE', `${instances}/a/webhook`)).status).toBe(200)
})

test('deleting an instance takes its webhook with it', async () => {
  const app = await started({ allowLoopback: true })
  const bot = await receiver()
  await app.admin('POST', instances, { id: 'a' })
  await app.admin('POST', `${instances}/a/webhook`, { url: bot.url })
  await app.admin('DELETE', `${instances}/a`)
  await app.admin('POST', instances, { id: 'a' })
  expect((await app.admin('GET', `${instances}/a/webhook`)).status).toBe(404)
})

test('closing ends in spite of clients that keep their connections, and twice is fine', async () => {
  const app = await started()
  await app.call('GET', '/health')
  const silent = connect(app.server.port, '127.0.0.1')
  await new Promise<void>((resolve) => silent.once('connect', () => resolve()))
  const before = Date.now()
  await Promise.all([app.server.close(), app.server.close()])
  // A stop that waited for them would take the grace of 9 s.
  expect(Date.now() - before).toBeLessThan(6_000)
  await expect(app.call('GET', '/health')).rejects.toThrow()
})
