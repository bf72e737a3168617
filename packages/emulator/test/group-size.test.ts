import { expect, test } from 'vitest'
import { withEmulator } from './baileys.ts'

const ALICE = '15550001001'

const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(49_170_000_000 + index))

test('a group has room for 1,024', () =>
  withEmulator(async (emulator, client) => {
    const alice = await client().link(emulator.phone(ALICE))
    const phones = numbers(1_023)
    for (const phone of phones) emulator.contact(phone)
    const group = emulator.group({ subject: 'Alle', members: [ALICE, ...phones] })
    const late = emulator.contact('491234567890')
    const { size, participants } = await alice.sock.groupMetadata(group.id)
    expect(size).toBe(1_024)
    expect(new Set(participants.map(({ phoneNumber }) => phoneNumber)).size).toBe(1_024)
    const [outcome] = await alice.sock.groupParticipantsUpdate(group.id, [`${late.phone}@s.whatsapp.net`], 'add')
    expect(outcome?.status).toBe('419')
    expect(() => late.joins(group.inviteCode)).toThrow('is full')
    group.removes(phones[0] ?? '')
    expect(late.joins(group.inviteCode)).toBe('joined')
  }))

test('a message to a large group reaches every one in it', () =>
  withEmulator(async (emulator, client) => {
    const alice = await client().link(emulator.phone(ALICE))
    const contacts = numbers(24).map((phone) => emulator.contact(phone))
    const group = emulator.group({ subject: 'Viele', members: [ALICE, ...contacts] })
    await alice.says(group.id, 'an alle')
    for (const contact of contacts) await contact.hears('an alle')
    await contacts[0]?.says(group.id, 'von einem')
    await alice.hears('von einem')
    for (const contact of contacts.slice(1)) await contact.hears('von einem')
    expect(alice.warnings).toEqual([])
  }))
