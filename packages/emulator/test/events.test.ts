import { expect, test } from 'vitest'
import { withEmulator } from './baileys.ts'
import { apiOf, MAX } from './control-api.ts'

const ALICE = '4915100001'

test('what happens is told in order, in the process and over HTTP, and can be waited for', () =>
  withEmulator(async (emulator, client) => {
    const api = apiOf(emulator.controlUrl)
    const seen: string[] = []
    const stop = emulator.events.on(({ type, phone }: { type: string; phone?: string }) =>
      seen.push(`${type} ${phone}`),
    )
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const read = api.get(`/admin/events?type=confirmed&phone=${MAX}&timeoutMs=15000`)
    const { id } = await max.says(ALICE, 'Hallo')
    await alice.hears('Hallo')
    const { body } = await read
    expect(body.events).toMatchObject([{ type: 'confirmed', phone: MAX, id, by: ALICE, receipt: 'delivery' }])
    expect((await api.get(`/admin/events?after=${body.last}&type=confirmed`)).body).toEqual({
      events: [],
      last: expect.any(Number),
    })

    await alice.sock.presenceSubscribe(`${MAX}@s.whatsapp.net`)
    await alice.sock.sendPresenceUpdate('recording', `${MAX}@s.whatsapp.net`)
    const typing = await emulator.events.first(({ type }) => type === 'typing')
    expect(typing).toMatchObject({ phone: ALICE, chat: MAX, state: 'recording' })
    const answer = await alice.says(MAX, 'Selber hallo')
    await max.hears('Selber hallo')
    expect((await api.get(`/admin/events?type=heard&phone=${MAX}`)).body.events).toMatchObject([
      { id: answer, from: ALICE, chat: ALICE, kind: 'text', text: 'Selber hallo' },
    ])
    const [device] = emulator.phone(ALICE).devices
    await emulator.phone(ALICE).unlink(device ?? 0)
    await emulator.events.first(({ type }) => type === 'disconnected', { after: typing.seq })
    stop()
    const places = ['linked', 'connected', 'unlinked'].map((type) => seen.indexOf(`${type} ${ALICE}`))
    expect(places).toEqual([...places].sort((a, b) => a - b))
    expect(places).not.toContain(-1)
    await expect(emulator.events.first(() => false, { timeoutMs: 1 })).rejects.toThrow('there were: linked')
  }))

test('events are followed as a stream, the remembered ones first, until the reader goes', () =>
  withEmulator(async (emulator) => {
    const max = emulator.contact(MAX)
    const eva = emulator.contact('491234567891')
    await max.says(eva.phone, 'Eins')
    await eva.hears('Eins')
    const response = await fetch(`${emulator.controlUrl}/admin/events/stream?type=heard`)
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    const reader = response.body?.getReader()
    const decoder = new TextDecoder()
    let stream = ''
    const reads = async (text: string) => {
      while (!stream.includes(text)) stream += decoder.decode((await reader?.read())?.value, { stream: true })
    }
    await reads('Eins')
    await max.says(eva.phone, 'Zwei')
    await reads('Zwei')
    await reader?.cancel()
    const texts = [...stream.matchAll(/^data: (.*)$/gm)].map(
      ([, data = '']) => (JSON.parse(data) as { text: string }).text,
    )
    expect(texts).toEqual(['Eins', 'Zwei'])
  }))
