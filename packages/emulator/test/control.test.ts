import { subscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { type Client, withEmulator } from './baileys.ts'
import { type Answer, apiOf, MAX } from './control-api.ts'

async function scan(api: ReturnType<typeof apiOf>, client: Client, query = ''): Promise<Answer> {
  const answer = await api.post(`/admin/mock-phone/scan-qr${query}`, await client.until(() => client.qr))
  await client.opened()
  return answer
}

test('a client is linked and written to over HTTP alone', () =>
  withEmulator(async (emulator, client) => {
    const api = apiOf(emulator.controlUrl)
    const contact = await api.post('/admin/contacts', { phone: '+49 1234 567890', name: 'Max', behaviour: 'echo' })
    expect(contact.body).toMatchObject({ phone: MAX, name: 'Max', behaviour: 'echo' })
    const alice = client().connect()
    expect(await scan(api, alice, '?phone=4915100001')).toMatchObject({
      status: 200,
      body: { phone: '4915100001', device: 1, lid: emulator.phone('4915100001').lid },
    })

    const id = await alice.says(MAX, 'Echo?')
    const echo = await alice.hears('Echo?')
    await alice.sock.readMessages([echo.key])
    await emulator.contact(MAX).received(echo.key.id ?? '', 'read')
    const listed = await api.get(`/admin/contacts/${MAX}/messages`)
    expect(listed.body).toEqual([
      { id, from: '4915100001', type: 'text', text: 'Echo?', at: expect.any(Number), copies: 1 },
    ])
    const raw = await api.get(`/admin/contacts/${MAX}/messages?raw=1`)
    expect(raw.body).toMatchObject([{ raw: expect.stringContaining(`<message from='4915100001:1@s.whatsapp.net'`) }])

    const receipts = await api.post(`/admin/contacts/${MAX}/receipts`, { messageIds: [id], type: 'read' })
    expect(receipts.status).toBe(200)
    await api.post(`/admin/contacts/${MAX}/messages`, { to: '4915100001', text: 'Hallo über HTTP' })
    await alice.hears('Hallo über HTTP')
    await api.post('/admin/phones/4915100001/messages', { to: MAX, text: 'vom Telefon' })
    await alice.until(() =>
      alice.messages.find(({ key, message }) => key.fromMe && message?.conversation === 'vom Telefon'),
    )

    expect((await api.get('/admin/health')).body).toMatchObject({ status: 'ok', connected: ['4915100001:1'] })
    expect((await api.post('/admin/kick', { phone: '4915100001', reason: 'replaced' })).status).toBe(200)
    expect(await alice.closed()).toBe(440)
  }))

test('without a number, the name of the client chooses the phone, and a contact is never chosen', () =>
  withEmulator(async (emulator, client) => {
    const api = apiOf(emulator.controlUrl)
    emulator.contact('15550000001')
    emulator.phone('4915100002', { name: 'Praxis' })
    const first = await scan(api, client().connect())
    expect(first.body.phone).toBe('15550000002')
    const named = await scan(api, client({ pushName: 'Praxis' } as object).connect())
    expect(named.body.phone).toBe('4915100002')
    const next = await scan(api, client().connect())
    expect(next.body.phone).toBe('15550000003')
  }))

test('groups are made and faults are switched over HTTP', () =>
  withEmulator(async (emulator) => {
    const api = apiOf(emulator.controlUrl)
    for (const phone of ['4915100001', '4915100002']) await api.post('/admin/contacts', { phone })
    const group = await api.post('/admin/groups', { subject: 'Team', members: ['4915100001', '4915100002'] })
    expect(group.body).toMatchObject({ id: expect.stringMatching(/@g\.us$/), members: ['4915100001', '4915100002'] })
    const faults = await api.post('/admin/faults', { ackDelayMs: 5, dropAcks: true })
    expect(faults.body).toEqual({ ackDelayMs: 5, dropAcks: true, dropFrames: false, phoneReceipts: false })
    expect(emulator.faults.dropAcks).toBe(true)
    const root = await api.get('/admin/noise-root')
    expect(root.body.publicKey).toBe(emulator.rootPublicKey.toString('base64'))
  }))

test.each([
  ['/admin/contacts', { phone: 'abc' }, 400, 'phone'],
  ['/admin/contacts', {}, 400, 'phone'],
  ['/admin/contacts', { phone: MAX, behaviour: 'loud' }, 400, 'behaviour'],
  ['/admin/contacts', { phone: MAX, nmae: 'Max' }, 400, 'nmae'],
  ['/admin/contacts', 'not json', 400, 'body'],
  ['/admin/contacts', [], 400, 'body'],
  ['/admin/contacts/4917700000/messages', { to: MAX, text: 'Hallo' }, 404, 'phone'],
  ['/admin/phones/x/messages', { to: MAX, text: 'Hallo' }, 400, 'phone'],
  ['/admin/mock-phone/scan-qr', 'nonsense', 400, 'qr'],
  ['/admin/mock-phone/scan-qr?phone=0', 'nonsense', 400, 'phone'],
  ['/admin/mock-phone/enter-code', { phone: MAX, code: 'ABCDEFGH' }, 400, 'code'],
  ['/admin/groups', { subject: 'x', members: [] }, 400, 'members'],
  ['/admin/groups', { subject: 'x', members: ['4917700000'] }, 400, 'members'],
  ['/admin/network', {}, 400, 'up'],
  ['/admin/faults', { ackDelayMs: -1 }, 400, 'ackDelayMs'],
  ['/admin/faults', { failNextDecrypt: { phone: 'x' } }, 400, 'failNextDecrypt.phone'],
  ['/admin/kick', { phone: MAX, reason: 'boredom' }, 400, 'reason'],
  ['/admin/network', { up: null }, 400, 'up'],
  ['/admin/groups', { subject: 'x', members: [MAX, 'nobody'] }, 400, 'members'],
  ['/admin/contacts/%ZZ/messages', {}, 400, 'path'],
  ['/admin/mock-phone/scan-qr?fone=4917700000', 'nonsense', 400, 'fone'],
  ['/admin/mock-phone/scan-qr', '', 400, 'body'],
  ['/admin/nothing', {}, 404, 'path'],
])('POST %s with %j is refused with %i and names the field %s', (path, body, status, field) =>
  withEmulator(
    async (emulator) => {
      const answer = await apiOf(emulator.controlUrl).post(path, body)
      expect(answer).toEqual({ status, body: { error: expect.any(String), field } })
    },
    { patienceMs: 50 },
  ),
)

test('a test in another process waits over HTTP: for messages, receipts and companions', () =>
  withEmulator(async (emulator, client) => {
    const api = apiOf(emulator.controlUrl)
    await api.post('/admin/contacts', { phone: MAX, name: 'Max' })
    const phone = emulator.phone('4915100001')
    const connected = api.get('/admin/phones/4915100001/connected')
    const alice = await client().link(phone)
    expect(await connected).toEqual({ status: 200, body: { ok: true } })

    const next = api.get(`/admin/contacts/${MAX}/messages/next?matching=^Zwei&from=4915100001`)
    await alice.says(MAX, 'Eins')
    const id = await alice.says(MAX, 'Zweitens')
    expect(await next).toMatchObject({ status: 200, body: { id, text: 'Zweitens', from: '4915100001' } })
    expect((await api.get(`/admin/contacts/${MAX}/messages/next`)).body).toMatchObject({ text: 'Eins' })
    const late = await api.get(`/admin/contacts/${MAX}/messages/next?text=Drei&timeoutMs=1`)
    expect(late).toMatchObject({
      status: 504,
      body: { field: 'timeoutMs', error: expect.stringContaining('"Zweitens"') },
    })

    const said = await api.post(`/admin/contacts/${MAX}/messages`, { to: '4915100001', text: 'Hallo', space: 'lid' })
    const heard = await alice.hears('Hallo')
    expect(heard.key.remoteJid).toBe(`${emulator.contact(MAX).lid}@lid`)
    await alice.sock.readMessages([heard.key])
    const received = await api.get(`/admin/contacts/${MAX}/messages/${said.body.id}/received?type=read`)
    expect(received.status).toBe(200)
    expect(alice.warnings).toEqual([])
  }))

test('a caller who gives up takes no message with them', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone('4915100001'))
    const asked = new Promise<ServerResponse>((resolve) => {
      // Node says so about every request of this process; this test has one.
      subscribe('http.server.request.start', (message) => resolve((message as { response: ServerResponse }).response))
    })
    const gone = new AbortController()
    const answer = fetch(`${emulator.controlUrl}/admin/contacts/${MAX}/messages/next`, { signal: gone.signal })
    const response = await asked
    gone.abort()
    await expect(answer).rejects.toThrow('abort')
    if (!response.destroyed) await once(response, 'close')
    await alice.says(MAX, 'Hallo')
    expect((await max.hears('Hallo')).text).toBe('Hallo')
  }))

test('a person types, appears and loses the network over HTTP', () =>
  withEmulator(async (emulator, client) => {
    const api = apiOf(emulator.controlUrl)
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone('4915100001'))
    const seen: string[] = []
    alice.sock.ev.on('presence.update', ({ presences }) => {
      seen.push(...Object.values(presences).map(({ lastKnownPresence }) => lastKnownPresence))
    })
    await alice.sock.presenceSubscribe(`${MAX}@s.whatsapp.net`)
    await alice.until(() => seen.includes('unavailable'))
    await api.post(`/admin/contacts/${MAX}/presence`, { state: 'available' })
    await api.post(`/admin/contacts/${MAX}/typing`, { to: '4915100001', state: 'recording' })
    await alice.until(() => seen.includes('available') && seen.includes('recording'))

    await api.post(`/admin/contacts/${MAX}/online`, { online: false })
    const id = await alice.says(MAX, 'Bist du da?')
    expect(await alice.acked(id)).toBeUndefined()
    expect(max.messages()).toEqual([])
    await api.post(`/admin/contacts/${MAX}/online`, { online: true })
    await max.hears('Bist du da?')
  }))

test('the clock is read and moved over HTTP', () =>
  withEmulator(async (emulator) => {
    const api = apiOf(emulator.controlUrl)
    const before = (await api.get('/admin/clock')).body.now as number // the route answers with a number
    const after = await api.post('/admin/clock/advance', { ms: 86_400_000 })
    expect(after.body.now).toBeGreaterThanOrEqual(before + 86_400_000)
    expect(emulator.clock.now()).toBeGreaterThanOrEqual(before + 86_400_000)
  }))
