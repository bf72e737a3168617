import type { proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { withEmulator, withTrouble } from './baileys.ts'

const ALICE = '15550001001'
const BOB = '15550002002'
const MAX = '491234567890'
const EVA = '491234567891'

test('a client makes a group and everybody in it hears everybody', () =>
  withEmulator(async (emulator, client) => {
    const [max, eva] = [emulator.contact(MAX, { name: 'Max' }), emulator.contact(EVA)]
    const alice = await client().link(emulator.phone(ALICE, { name: 'Alice' }))
    const bob = await client().link(emulator.phone(BOB))
    const made = await alice.sock.groupCreate('Team', [
      `${BOB}@s.whatsapp.net`,
      `${MAX}@s.whatsapp.net`,
      `${EVA}@s.whatsapp.net`,
    ])
    expect(made).toMatchObject({ subject: 'Team', size: 4, addressingMode: 'lid' })
    const metadata = await bob.sock.groupMetadata(made.id)
    expect(metadata.participants.map(({ phoneNumber, admin }) => [phoneNumber, admin])).toEqual([
      [`${ALICE}@s.whatsapp.net`, 'superadmin'],
      [`${BOB}@s.whatsapp.net`, null],
      [`${MAX}@s.whatsapp.net`, null],
      [`${EVA}@s.whatsapp.net`, null],
    ])
    expect(Object.keys(await bob.sock.groupFetchAllParticipating())).toEqual([made.id])

    await alice.says(made.id, 'Hallo Gruppe')
    const heard = await bob.hears('Hallo Gruppe')
    expect(heard.key).toMatchObject({
      remoteJid: made.id,
      participant: `${emulator.phone(ALICE).lid}@lid`,
      participantAlt: `${ALICE}@s.whatsapp.net`,
    })
    for (const contact of [max, eva]) {
      expect(await contact.hears('Hallo Gruppe')).toMatchObject({ from: ALICE, chat: made.id })
    }
    await max.says(made.id, 'Hallo Alice')
    await alice.hears('Hallo Alice')
    await bob.hears('Hallo Alice')
    await eva.hears('Hallo Alice')
    await bob.says(made.id, 'Bob hier')
    await alice.hears('Bob hier')
    await eva.hears('Bob hier')
    await alice.says(made.id, 'und noch einmal')
    await bob.hears('und noch einmal')
    await max.hears('und noch einmal')
    expect([...alice.warnings, ...bob.warnings]).toEqual([])
  }))

test('a group whose members are named by phone number', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const group = emulator.group({ subject: 'Alt', members: [ALICE, max], addressing: 'pn' })
    expect(await alice.sock.groupMetadata(group.id)).toMatchObject({
      addressingMode: 'pn',
      owner: `${ALICE}@s.whatsapp.net`,
    })
    await alice.says(group.id, 'per Nummer')
    await max.hears('per Nummer')
    await max.says(group.id, 'zurück')
    expect((await alice.hears('zurück')).key.participant).toBe(`${MAX}@s.whatsapp.net`)
  }))

test('members come and go, and only members hear', () =>
  withTrouble(async (emulator, client) => {
    const [max, eva] = [emulator.contact(MAX), emulator.contact(EVA)]
    const alice = await client().link(emulator.phone(ALICE))
    const bob = await client().link(emulator.phone(BOB))
    const group = emulator.group({ subject: 'Team', members: [ALICE, BOB, max] })
    await alice.says(group.id, 'zu dritt')
    await max.hears('zu dritt')
    await bob.hears('zu dritt')

    const added = await alice.sock.groupParticipantsUpdate(
      group.id,
      [`${EVA}@s.whatsapp.net`, '4917700000@s.whatsapp.net'],
      'add',
    )
    expect(added.map(({ status }) => status)).toEqual(['200', '404'])
    await alice.sock.groupParticipantsUpdate(group.id, [`${MAX}@s.whatsapp.net`], 'remove')
    expect(group.members).toEqual([ALICE, BOB, EVA].sort())
    await alice.says(group.id, 'ohne Max')
    await eva.hears('ohne Max')
    await bob.hears('ohne Max')
    expect(max.messages().map(({ text }) => text)).toEqual(['zu dritt'])
    await expect(max.says(group.id, 'darf nicht')).rejects.toThrow('not a member')

    await expect(bob.sock.groupUpdateSubject(group.id, 'Neu')).resolves.toBeUndefined()
    expect((await alice.sock.groupMetadata(group.id)).subject).toBe('Neu')
    await expect(bob.sock.groupParticipantsUpdate(group.id, [`${EVA}@s.whatsapp.net`], 'remove')).rejects.toThrow(
      'forbidden',
    )
    await alice.sock.groupUpdateDescription(group.id, 'Worum es geht')
    expect((await bob.sock.groupMetadata(group.id)).desc).toBe('Worum es geht')
    await alice.sock.groupSettingUpdate(group.id, 'announcement')
    expect(await bob.acked(await bob.says(group.id, 'nur Admins'))).toBe('403')
    const code = await alice.sock.groupInviteCode(group.id)
    await bob.sock.groupLeave(group.id)
    await expect(bob.sock.groupMetadata(group.id)).rejects.toThrow('forbidden')
    expect(await bob.sock.groupAcceptInvite(code ?? '')).toBe(group.id)
    expect(group.members).toContain(BOB)
  }))

test('a member that could not read a group message gets it again', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const bob = await client().link(emulator.phone(BOB))
    const group = emulator.group({ subject: 'Team', members: [ALICE, BOB, max] })
    await alice.says(group.id, 'eins')
    await max.hears('eins')
    await bob.hears('eins')
    emulator.faults.failNextDecrypt(MAX)
    await alice.says(group.id, 'zwei')
    await max.hears('zwei')
    await max.says(group.id, 'drei')
    await bob.hears('drei')
    const name = `${group.id}::${max.lid}_1::0`
    await bob.auth.keys.set({ 'sender-key': { [name]: null } })
    await max.says(group.id, 'vier')
    await bob.hears('vier')
    await alice.hears('vier')
  }))

test('receipts of a group name the reader', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const group = emulator.group({ subject: 'Team', members: [ALICE, max] })
    const readers: (string | null | undefined)[] = []
    const note = (receipts: readonly proto.IUserReceipt[]) => {
      for (const { readTimestamp, userJid } of receipts) if (readTimestamp) readers.push(userJid)
    }
    // Baileys folds a receipt into the message when that event has not been emitted yet.
    alice.sock.ev.on('message-receipt.update', (updates) => note(updates.map(({ receipt }) => receipt)))
    alice.sock.ev.on('messages.upsert', ({ messages }) =>
      note(messages.flatMap(({ userReceipt }) => userReceipt ?? [])),
    )
    const id = await alice.says(group.id, 'gelesen?')
    await max.hears('gelesen?')
    await max.reads([id])
    // The own phone is among them: Baileys counts its confirmation as reading.
    await alice.until(() => readers.includes(`${max.lid}@lid`))
    const { id: theirs } = await max.says(group.id, 'und ihr?')
    await max.received(theirs)
  }))
