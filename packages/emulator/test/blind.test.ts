import { expect, test } from 'vitest'
import { type Client, withEmulator } from './baileys.ts'

const ALICE = '15550001001'
const MAX = '491234567890'

/** From whom, and of which type, message `id` has been confirmed to its writer. */
const confirmed = (client: Client, id: string, type?: string, participant?: string) =>
  client.until(() =>
    client.receipts.some((r) => r.id === id && r.type === type && (!participant || r.participant === participant)),
  )

test('a blind contact confirms what it never reads, and so does the phone that gets the copy', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX, { behaviour: 'blind' })
    const phone = emulator.phone(ALICE)
    const alice = await client().link(phone)
    const id = await alice.says(MAX, 'Hallo')
    expect(await alice.acked(id)).toBeUndefined()
    await confirmed(alice, id)
    await confirmed(alice, id, 'sender')
    expect([max.messages(), phone.messages()]).toEqual([[], []])
  }))

test('a blind contact writes, and reads again when it is told to', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX, { behaviour: 'blind' })
    const alice = await client().link(emulator.phone(ALICE))
    for (const text of ['eins', 'zwei']) await confirmed(alice, await alice.says(MAX, text))
    await max.says(ALICE, 'Bist du da?')
    await alice.hears('Bist du da?')
    emulator.contact(MAX, { behaviour: 'silent' })
    const id = await alice.says(MAX, 'drei')
    expect(await max.hears()).toMatchObject({ id, text: 'drei' })
    await confirmed(alice, id)
  }))

test('messages for a blind contact without network wait, and are confirmed when it is back', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX, { behaviour: 'blind' })
    const alice = await client().link(emulator.phone(ALICE))
    max.goesOffline()
    const id = await alice.says(MAX, 'bist du da?')
    await confirmed(alice, id, 'sender')
    expect(alice.receipts.filter(({ type }) => type === undefined)).toEqual([])
    max.comesOnline()
    await confirmed(alice, id)
  }))

test('in a group a blind member confirms, and the others read', () =>
  withEmulator(async (emulator, client) => {
    const blind = emulator.contact(MAX, { behaviour: 'blind' })
    const eva = emulator.contact('491234567891')
    const phone = emulator.phone(ALICE)
    const alice = await client().link(phone)
    const group = emulator.group({ subject: 'Team', members: [phone, blind, eva] })
    const id = await alice.says(group.id, 'an alle')
    await eva.hears('an alle')
    for (const { lid } of [blind, eva]) await confirmed(alice, id, undefined, `${lid}@lid`)
    await confirmed(alice, id, 'sender')
    expect(blind.messages()).toEqual([])
    expect(phone.messages()).toMatchObject([{ id, text: 'an alle' }])
  }))
