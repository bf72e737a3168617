import { expect, test } from 'vitest'
import { textOf, withEmulator } from './baileys.ts'

const ALICE = '15550001001'
const BOB = '15550002002'
const MAX = '491234567890'

test('a scripted contact answers as it was told, and a function may do as it likes', () =>
  withEmulator(async (emulator, client) => {
    const replies = [
      { pattern: '^bestell\\w* (\\d+)', reply: 'Notiert: $1 Stück' },
      { pattern: 'hallo', reply: 'Guten Tag' },
    ]
    const max = emulator.contact(MAX, { behaviour: 'scripted', replies })
    emulator.contact(BOB, {
      script: async ({ type, text }) =>
        type === 'poll' ? { text: `Abstimmung: ${text}`, mentions: [ALICE] } : undefined,
    })
    expect(() => emulator.contact(MAX, { replies: [{ pattern: '(', reply: 'x' }] })).toThrow(SyntaxError)
    const alice = await client().link(emulator.phone(ALICE))
    await alice.says(MAX, 'Hallo!')
    await alice.hears('Guten Tag')
    await alice.says(MAX, 'bestelle 12 davon')
    await alice.hears('Notiert: 12 Stück')
    await alice.says(MAX, 'und nichts weiter')
    await alice.sock.sendMessage(`${BOB}@s.whatsapp.net`, { poll: { name: 'Wann?', values: ['a', 'b'] } })
    await alice.hears('Abstimmung: Wann?')
    await max.hears('und nichts weiter')
    expect(alice.messages.filter(({ key }) => !key.fromMe).map(textOf)).toHaveLength(3)
  }))

test('a contact reads late', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX, { readsAfterMs: 60_000 })
    const phone = emulator.phone(ALICE)
    const alice = await client().link(phone)
    const { id } = await phone.says(MAX, 'wann liest du das?')
    await max.hears('wann liest du das?')
    await phone.received(id)
    await expect(phone.received(id, 'read', { timeoutMs: 0 })).rejects.toThrow('read receipt')
    await emulator.clock.advance(60_000)
    await phone.received(id, 'read')
    await alice.until(() => alice.updates.some(({ key, update }) => key.id === id && update.status === 4))
  }))

test('an absent contact gets its mail when it becomes another one', () =>
  withEmulator(async (emulator, client) => {
    const absent = emulator.contact(MAX, { behaviour: 'absent' })
    const eva = emulator.contact(BOB)
    const alice = await client().link(emulator.phone(ALICE))
    const id = await alice.says(MAX, 'bist du da?')
    expect(await alice.acked(id)).toBeUndefined()
    await alice.says(BOB, 'und du?')
    await eva.hears('und du?')
    expect(absent.messages()).toEqual([])
    emulator.contact(MAX, { behaviour: 'echo' })
    await alice.hears('bist du da?')
  }))

test('a script that fails is reported, and the message is heard all the same', async () => {
  const lines: string[] = []
  const log = (line: string) => lines.push(line)
  await expect(
    withEmulator(
      async (emulator, client) => {
        const max = emulator.contact(MAX, {
          script: () => {
            throw new Error('kaputt')
          },
        })
        const alice = await client().link(emulator.phone(ALICE))
        await alice.says(MAX, 'Hallo')
        await max.hears('Hallo')
        await alice.says(MAX, 'noch da?')
        await max.hears('noch da?')
      },
      { log },
    ),
  ).resolves.toBeUndefined()
  expect(lines.join()).toContain('kaputt')
})
