import { expect, test } from 'vitest'
import { type Client, withEmulator } from './baileys.ts'

interface Answer {
  status: number
  body: Record<string, unknown>
}

const MAX = '491234567890'

function apiOf(controlUrl: string) {
  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const response = await fetch(`${controlUrl}${path}`, { method, ...(body !== undefined && { body: text }) })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return {
    get: (path: string) => call('GET', path),
    post: (path: string, body: unknown) => call('POST', path, body),
  }
}

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
    expect(faults.body).toEqual({ ackDelayMs: 5, dropAcks: true, dropFrames: false, phoneReceipts: true })
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
