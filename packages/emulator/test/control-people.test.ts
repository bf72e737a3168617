import { expect, test } from 'vitest'
import { withEmulator } from './baileys.ts'
import { apiOf, MAX } from './control-api.ts'

const ALICE = '4915100001'

test('a contact does over HTTP all that people do with messages', () =>
  withEmulator(async (emulator, client) => {
    const api = apiOf(emulator.controlUrl)
    await api.post('/admin/contacts', { phone: MAX, name: 'Max' })
    const alice = await client().link(emulator.phone(ALICE))
    const here = `/admin/contacts/${MAX}/messages`
    const kinds = () =>
      alice.messages.map(({ message }) => Object.keys(message ?? {}).find((key) => /Message/.test(key)))
    const arrives = (kind: string) => alice.until(() => kinds().includes(kind))

    const hello = await api.post(here, { to: ALICE, text: 'Hallo' })
    await alice.hears('Hallo')
    await api.post(`${here}/${hello.body.id}/edit`, { text: 'Hallo!' })
    await alice.until(() => alice.updates.some(({ update }) => update.message?.editedMessage))
    await api.post(`${here}/${hello.body.id}/reaction`, { emoji: '👍' })
    await arrives('reactionMessage')
    await api.post(here, { to: ALICE, location: { latitude: 48.1, longitude: 11.5, name: 'München' } })
    await arrives('locationMessage')
    await api.post(here, { to: ALICE, cards: [{ name: 'Eva', phone: '491234567891' }] })
    await arrives('contactMessage')
    await api.post(here, { to: ALICE, event: { name: 'Fest', startsAt: 1_900_000_000_000 } })
    await arrives('eventMessage')
    await api.post(here, { to: ALICE, message: { extendedTextMessage: { text: 'roh' } }, quotes: hello.body.id })
    const raw = await alice.hears('roh')
    expect(raw.message?.extendedTextMessage?.contextInfo?.stanzaId).toBe(hello.body.id)

    const sent = await alice.sock.sendMessage(`${MAX}@s.whatsapp.net`, {
      poll: { name: 'Essen?', values: ['Pizza', 'Suppe'], selectableCount: 1 },
    })
    const poll = (await api.get(`${here}/next?type=poll&message=1`)).body
    expect(poll).toMatchObject({ id: sent?.key.id, text: 'Essen?' })
    expect(JSON.stringify(poll.message)).toContain('Suppe')
    expect(await api.post(`${here}/${poll.id}/vote`, { options: ['Eis'] })).toMatchObject({
      status: 400,
      body: { field: 'id', error: expect.stringContaining('Pizza') },
    })
    expect((await api.post(`${here}/${poll.id}/vote`, { options: ['Pizza'] })).status).toBe(200)
    await arrives('pollUpdateMessage')
    await api.post(`${here}/${poll.id}/forward`, { to: ALICE })
    await alice.until(() => kinds().filter((kind) => kind?.startsWith('pollCreation')).length > 1)
    await api.post(`${here}/${hello.body.id}/delete`, {})
    await alice.until(() =>
      alice.updates.some(({ key, update }) => key.id === hello.body.id && update.message === null),
    )
    expect(alice.warnings).toEqual([])
  }))

test('a group is made, changed, joined and left over HTTP', () =>
  withEmulator(async (emulator) => {
    const api = apiOf(emulator.controlUrl)
    const [eva, tom] = ['491234567891', '491234567892']
    for (const phone of [MAX, eva, tom]) await api.post('/admin/contacts', { phone })
    const made = await api.post('/admin/groups', { subject: 'Team', members: [MAX, eva], settings: { isLocked: true } })
    const here = `/admin/groups/${made.body.id}`
    expect(made.body).toMatchObject({ admins: [MAX], settings: { isLocked: true, isAnnouncement: false } })

    const tried = await api.patch(here, { subject: 'Chaos', by: eva })
    expect(tried).toMatchObject({ status: 403, body: { error: expect.any(String), code: expect.any(Number) } })
    const promoted = await api.post(`${here}/members`, { action: 'promote', phones: [eva] })
    expect(promoted.body).toEqual([{ phone: eva, code: 200 }])
    await api.patch(here, { subject: 'Chaos', description: 'Alles', settings: { needsApproval: true }, by: eva })
    const { body: group } = await api.get(here)
    expect(group).toMatchObject({ subject: 'Chaos', description: 'Alles', admins: [MAX, eva] })

    const waiting = api.get(`/admin/groups/next?request=${tom}`)
    const asked = await api.post(`/admin/contacts/${tom}/groups/join`, { code: group.inviteCode })
    expect(asked.body).toEqual({ outcome: 'requested' })
    expect((await waiting).body).toMatchObject({ id: made.body.id, requests: [tom] })
    await api.post(`${here}/members`, { action: 'approve', phones: [tom], by: eva })
    await api.post(`${here}/leave`, { by: MAX })
    expect((await api.get(here)).body).toMatchObject({ members: [eva, tom], requests: [] })

    const invitation = await api.post(`${here}/invitations`, { phone: MAX, by: eva })
    await emulator.contact(MAX).hears(({ id }) => id === invitation.body.id)
    const accepted = await api.post(`/admin/contacts/${MAX}/groups/accept`, { id: invitation.body.id })
    expect(accepted.status).toBe(200)
    expect((await api.post(`${here}/picture`, { image: '/9j/4AAQSkZJRg==', by: tom })).status).toBe(403)
    expect((await api.post(`${here}/picture`, { image: '/9j/4AAQSkZJRg==' })).status).toBe(200)
    const reset = await api.post(`${here}/invite/reset`, {})
    expect(reset.body.inviteCode).not.toBe(group.inviteCode)
    const late = await api.post(`/admin/contacts/${tom}/groups/join`, { code: group.inviteCode })
    expect(late.status).toBe(410)
    expect((await api.get('/admin/groups')).body).toMatchObject([{ members: expect.arrayContaining([MAX, eva, tom]) }])
  }))

test.each([
  [{ to: MAX }, 'text'],
  [{ to: MAX, text: 'a', poll: { question: 'b', options: ['c', 'd'] } }, 'poll'],
  [{ to: MAX, poll: { question: 'b', options: ['c'] } }, 'poll.options'],
  [{ to: MAX, location: { latitude: 100, longitude: 0 } }, 'location.latitude'],
  [{ to: MAX, message: { conversaton: 'Hallo' } }, 'message'],
  [{ to: MAX, cards: [{ name: 'Eva', phone: 'x' }] }, 'cards[0].phone'],
  [{ to: MAX, text: 'a', quotes: 'nothing' }, 'quotes'],
])('content %j is refused, naming %s', (body, field) =>
  withEmulator(async (emulator) => {
    emulator.contact(MAX)
    const answer = await apiOf(emulator.controlUrl).post(`/admin/contacts/${MAX}/messages`, body)
    expect(answer).toEqual({ status: 400, body: { error: expect.any(String), field } })
  }),
)
