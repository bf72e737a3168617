import { expect, test } from 'vitest'
import { textOf, withEmulator } from './baileys.ts'
import { apiOf, MAX } from './control-api.ts'

const ALICE = '4915100001'

test('a phone is given a past over HTTP', () =>
  withEmulator(async (emulator, client) => {
    const api = apiOf(emulator.controlUrl)
    await api.post('/admin/contacts', { phone: MAX, name: 'Max' })
    await api.post('/admin/phones', { phone: ALICE })
    const here = `/admin/phones/${ALICE}/history`
    const raw = { message: { extendedTextMessage: { text: 'Gut.' } } }
    const messages = [
      { from: MAX, content: 'Wie geht es?', at: 1_703_123_456_000, id: 'FRAGE' },
      { from: ALICE, content: raw },
    ]
    const { body } = await api.post(here, { chat: MAX, messages })
    expect(body.ids).toEqual(['FRAGE', expect.stringMatching(/^AC/)])
    const alice = await client().link(emulator.phone(ALICE))
    const part = await alice.until(() => alice.history.find((one) => one.messages.length > 0))
    expect(part.messages.map((message) => [textOf(message), Number(message.messageTimestamp)])).toEqual([
      ['Gut.', 1_703_123_457],
      ['Wie geht es?', 1_703_123_456],
    ])
    const stranger = { chat: MAX, messages: [{ from: '4917700000', content: 'Hallo' }] }
    expect(await api.post(here, stranger)).toMatchObject({ status: 400, body: { field: 'messages' } })
    expect(alice.warnings).toEqual([])
  }))
