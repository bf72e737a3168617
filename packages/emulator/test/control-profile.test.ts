import { expect, test } from 'vitest'
import { withEmulator } from './baileys.ts'
import { apiOf, MAX } from './control-api.ts'

const ALICE = '4915100001'

test('people show, hide, block and answer as they are told over HTTP', () =>
  withEmulator(async (emulator, client) => {
    const api = apiOf(emulator.controlUrl)
    const here = `/admin/contacts/${MAX}`
    const replies = [{ pattern: '^ping (.*)$', reply: 'pong $1' }]
    await api.post('/admin/contacts', { phone: MAX, behaviour: 'scripted', replies, readsAfterMs: 60_000 })
    const alice = await client().link(emulator.phone(ALICE))
    const id = await alice.says(MAX, 'ping eins')
    await alice.hears('pong eins')
    await api.post('/admin/clock/advance', { ms: 60_000 })
    await alice.until(() => alice.updates.some(({ key, update }) => key.id === id && update.status === 4))

    expect((await api.patch(here, { name: 'Max M.', about: 'Urlaub' })).status).toBe(200)
    expect((await api.get(here)).body).toMatchObject({ name: 'Max M.' })
    const [about] = (await alice.sock.fetchStatus(`${MAX}@s.whatsapp.net`)) ?? []
    expect(about?.status).toMatchObject({ status: 'Urlaub' })
    await api.post(`${here}/privacy`, { name: 'status', value: 'none' })
    const [hidden] = (await alice.sock.fetchStatus(`${MAX}@s.whatsapp.net`)) ?? []
    expect(hidden?.status).not.toMatchObject({ status: 'Urlaub' })

    await alice.sock.sendPresenceUpdate('composing', `${MAX}@s.whatsapp.net`)
    expect((await api.get(`${here}/sees?phone=${ALICE}&state=composing`)).status).toBe(200)
    await api.post(`${here}/blocks`, { phone: ALICE })
    await alice.acked(await alice.says(MAX, 'geblockt'))
    await api.post(`${here}/blocks`, { phone: ALICE, blocked: false })
    await alice.says(MAX, 'wieder da')
    await emulator.contact(MAX).hears('wieder da')
    expect(
      emulator
        .contact(MAX)
        .messages()
        .map(({ text }) => text),
    ).not.toContain('geblockt')
    for (const [path, body] of [
      ['address-book', { phone: ALICE }],
      ['tokens', { phone: ALICE }],
      ['guard', { guarded: false }],
      ['disappearing', { seconds: 86_400 }],
    ] as const) {
      expect((await api.post(`${here}/${path}`, body)).status, path).toBe(200)
    }
    expect(alice.warnings).toEqual([])
  }))

test('what a phone shares with its companions is written and waited for over HTTP', () =>
  withEmulator(async (emulator, client) => {
    const api = apiOf(emulator.controlUrl)
    const here = `/admin/phones/${ALICE}`
    emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const { id } = await emulator.contact(MAX).says(ALICE, 'Hallo')
    await alice.hears('Hallo')
    await emulator.phone(ALICE).hears('Hallo')

    const pins: unknown[] = []
    alice.sock.ev.on('chats.update', (updates) => pins.push(...updates.map(({ pinned }) => pinned)))
    const stars: unknown[] = []
    alice.sock.ev.on('messages.update', (updates) => stars.push(...updates.map(({ update }) => update.starred)))
    await api.patch(`${here}/chats/${MAX}`, { pinned: true })
    await alice.until(() => pins.some((pinned) => typeof pinned === 'number'))
    await api.post(`${here}/messages/${id}/star`, {})
    await alice.until(() => stars.includes(true))
    expect((await api.get(`${here}/state`)).body).toContainEqual(
      expect.objectContaining({ index: ['pin_v1', expect.stringContaining('@')] }),
    )

    await alice.sock.chatModify({ pin: false }, `${MAX}@s.whatsapp.net`)
    const learnt = await api.get(`${here}/state/next?name=pin_v1&containing=${encodeURIComponent('"pinned":false')}`)
    expect(learnt).toMatchObject({ status: 200, body: { value: { pinAction: { pinned: false } } } })
    const unknown = await api.post(`${here}/messages/nothing/star`, {})
    expect(unknown).toMatchObject({ status: 400, body: { field: 'id' } })
    expect(alice.warnings).toEqual([])
  }))
