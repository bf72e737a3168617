import { expect, test } from 'vitest'
import { withEmulator, withTrouble } from '../baileys.ts'
import { apiOf, MAX } from '../control-api.ts'

const ALICE = '15550001001'

test('faults are set, waited for, listed and lifted over HTTP', () =>
  withTrouble(async (emulator, client) => {
    const api = apiOf(emulator.controlUrl)
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))

    const acks = { phone: ALICE, direction: 'to-client', tag: 'ack', class: 'message' }
    const { body: held } = await api.post('/admin/faults/stanzas', { ...acks, act: { do: 'hold' } })
    const id = await alice.says(MAX, 'gehalten')
    expect((await api.get(`/admin/faults/${held.id}/struck`)).body).toMatchObject({ count: 1 })
    expect(alice.acks.has(id)).toBe(false)
    await api.delete(`/admin/faults/${held.id}`)
    expect(await alice.acked(id)).toBeUndefined()
    expect(await api.delete(`/admin/faults/${held.id}`)).toMatchObject({ status: 404, body: { field: 'id' } })

    const refusal = { ...acks, direction: 'from-client', tag: 'message', act: { do: 'refuse', code: 479 }, times: 1 }
    await api.post('/admin/faults/stanzas', { ...refusal, class: undefined })
    expect(await alice.acked(await alice.says(MAX, 'abgelehnt'))).toBe('479')
    await api.post('/admin/faults/timelock', { phone: ALICE })
    expect(await alice.acked(await alice.says(MAX, 'gesperrt'))).toBe('463')
    await api.post('/admin/faults/timelock', { phone: ALICE, isActive: false })
    const backlog = await api.post(`/admin/contacts/${MAX}/backlog`, { to: ALICE, texts: ['eins', 'zwei'] })
    expect(backlog.body.ids).toHaveLength(2)
    await alice.hears('zwei')
    await api.post('/admin/faults/keys', { phone: MAX, do: 'withoutOneTimeKey', times: 1 })
    await api.post('/admin/faults/nacks', { treatment: 'keep' })
    await api.post('/admin/faults/pre-keys', { phone: ALICE, left: 1 })
    await api.post('/admin/faults/lines', { phone: '15550009009', do: 'stall' })
    await api.post('/admin/faults/connecting', { answer: 503, times: 1 })
    await api.post('/admin/faults/certificates', { flaw: 'expired', times: 1 })
    await api.post('/admin/faults/malformed', { phone: ALICE, kind: 'bytewise' })
    expect((await api.get('/admin/faults')).body).toHaveLength(6)
    expect((await api.delete('/admin/faults')).status).toBe(200)
    expect((await api.get('/admin/faults')).body).toEqual([])

    await api.post('/admin/faults/logins', { reason: 402, code: 101, expiresInMs: 60_000, times: 1 })
    await api.post('/admin/kick', { phone: ALICE, device: 1, reason: '428' })
    expect(await alice.closed()).toBe(428)
    alice.connect()
    await alice.until(() => alice.closes.at(-1) === 402)
    expect(max.messages()).toHaveLength(1)

    alice.connect()
    await alice.opened()
    await api.post('/admin/kick', { reason: '503' })
    expect(await alice.closed()).toBe(503)
    expect(await api.post('/admin/kick', { device: 1 })).toMatchObject({ status: 400, body: { field: 'device' } })
  }))

test.each([
  ['stanzas', { act: { do: 'refuse', code: 500 } }, 'direction'],
  ['stanzas', { act: { do: 'vanish' } }, 'act.do'],
  ['stanzas', { act: { do: 'drop' }, times: 0 }, 'times'],
  ['malformed', { phone: ALICE, kind: 'nice' }, 'kind'],
  ['lines', { do: 'stall', colour: 'red' }, 'colour'],
])('bad input to %s is refused with its field', (path, body, field) =>
  withEmulator(async (emulator) => {
    const answer = await apiOf(emulator.controlUrl).post(`/admin/faults/${path}`, body)
    expect(answer).toMatchObject({ status: 400, body: { field } })
  }),
)
