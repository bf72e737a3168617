import { type BinaryNode, type GroupMetadata, proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { type Client, withEmulator, withTrouble } from './baileys.ts'

const ALICE = '15550001001'
const BOB = '15550002002'
const MAX = '491234567890'
const EVA = '491234567891'

/** Ids of the keys that a client has of an author in a group. */
async function senderKeys({ auth }: Client, name: string): Promise<number[]> {
  const { [name]: record } = await auth.keys.get('sender-key', [name])
  const states: { senderKeyId: number }[] = JSON.parse(Buffer.from(record ?? '[]').toString())
  return states.map(({ senderKeyId }) => senderKeyId)
}

test('somebody who has left gets nothing more, and the others write with new keys', () =>
  withEmulator(async (emulator, client) => {
    const [max, eva] = [emulator.contact(MAX), emulator.contact(EVA)]
    const bob = await client().link(emulator.phone(BOB))
    const group = emulator.group({ subject: 'Team', members: [max, BOB, eva] })
    const keysOfMax = () => senderKeys(bob, `${group.id}::${max.lid}_1::0`)
    await max.says(group.id, 'zu dritt')
    await bob.hears('zu dritt')
    await eva.hears('zu dritt')
    await max.says(group.id, 'noch mit demselben')
    await bob.hears('noch mit demselben')
    expect(await keysOfMax()).toHaveLength(1)
    group.removes(eva)
    await max.says(group.id, 'zu zweit')
    await bob.hears('zu zweit')
    expect(new Set(await keysOfMax()).size).toBe(2)
    await bob.says(group.id, 'auch von mir')
    await max.hears('auch von mir')
    await expect(eva.says(group.id, 'darf nicht')).rejects.toThrow('not a member')
    expect(eva.messages().map(({ text }) => text)).toEqual(['zu dritt', 'noch mit demselben'])
    expect(bob.warnings).toEqual([])
  }))

test('authors change and take back what they wrote, admins what anybody wrote', () =>
  withTrouble(async (emulator, client) => {
    const [max, eva] = [emulator.contact(MAX), emulator.contact(EVA)]
    const alice = await client().link(emulator.phone(ALICE))
    const bob = await client().link(emulator.phone(BOB))
    const group = emulator.group({ subject: 'Team', members: [ALICE, BOB, max, eva] })
    const id = await alice.says(group.id, 'falsch')
    await max.hears('falsch')
    const key = { remoteJid: group.id, id, fromMe: true }
    await alice.sock.sendMessage(group.id, { text: 'richtig', edit: key })
    expect(await max.hears('richtig')).toMatchObject({ type: 'edit', chat: group.id })
    await bob.until(() => bob.updates.find(({ key: edited }) => edited.id === id))

    const { id: theirs } = await max.says(group.id, 'das gehört weg')
    const heard = await bob.hears('das gehört weg')
    await alice.hears('das gehört weg')
    const refused = await bob.sock.sendMessage(group.id, { delete: heard.key })
    expect(await bob.acked(refused?.key.id ?? '')).toBe('403')
    await expect(eva.deletes(theirs)).rejects.toThrow('nor an admin')
    await alice.sock.sendMessage(group.id, { delete: { ...heard.key, fromMe: false } })
    const { REVOKE } = proto.WebMessageInfo.StubType
    await bob.until(() =>
      bob.updates.find(({ key: gone, update }) => gone.id === theirs && update.messageStubType === REVOKE),
    )
    expect(await eva.hears(({ type }) => type === 'revoke')).toMatchObject({ from: ALICE })
    expect(alice.warnings).toEqual([])
  }))

test('mentions and labels of members arrive', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const bob = await client().link(emulator.phone(BOB))
    const group = emulator.group({ subject: 'Team', members: [ALICE, BOB, max] })
    await alice.sock.sendMessage(group.id, { text: `@${max.lid} schau`, mentions: [`${max.lid}@lid`] })
    const { message } = await max.hears(`@${max.lid} schau`)
    expect(message.extendedTextMessage?.contextInfo?.mentionedJid).toEqual([`${max.lid}@lid`])
    const labels = bob.collects('group.member-tag.update')
    await alice.sock.updateMemberLabel(group.id, 'Kapitän')
    expect(await bob.until(() => labels[0])).toMatchObject({
      groupId: group.id,
      label: 'Kapitän',
      participant: `${emulator.phone(ALICE).lid}@lid`,
    })
    expect([...alice.warnings, ...bob.warnings]).toEqual([])
  }))

test('what one device of an account writes to a group is on the others, as its own', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const phone = emulator.phone(ALICE)
    const alice = await client().link(phone)
    const desk = await client().link(phone)
    const group = emulator.group({ subject: 'Team', members: [phone, max] })
    await alice.says(group.id, 'vom Rechner')
    const isOwn = (text: string) => (message: { key: { fromMe?: boolean | null }; message?: proto.IMessage | null }) =>
      message.key.fromMe && (message.message?.extendedTextMessage?.text ?? message.message?.conversation) === text
    await desk.until(() => desk.messages.find(isOwn('vom Rechner')))
    expect(await phone.hears('vom Rechner')).toMatchObject({ from: ALICE, chat: group.id })
    await phone.says(group.id, 'vom Telefon')
    for (const companion of [alice, desk]) await companion.until(() => companion.messages.find(isOwn('vom Telefon')))
    await max.hears('vom Telefon')
    // A device that was taken away cannot read on either.
    const keysOfMax = () => senderKeys(alice, `${group.id}::${max.lid}_1::0`)
    await max.says(group.id, 'für beide')
    for (const companion of [alice, desk]) await companion.hears('für beide')
    expect(await keysOfMax()).toHaveLength(1)
    await phone.unlink(2)
    await max.says(group.id, 'nur noch für einen')
    await alice.hears('nur noch für einen')
    expect(await keysOfMax()).toHaveLength(2)
    expect([...alice.warnings, ...desk.warnings]).toEqual([])
  }))

test('who was away gets messages and changes of a group in the order in which they happened', () =>
  withEmulator(async (emulator, client) => {
    const [max, eva] = [emulator.contact(MAX), emulator.contact(EVA)]
    const bob = await client().link(emulator.phone(BOB))
    const group = emulator.group({ subject: 'Team', members: [max, BOB] })
    await max.says(group.id, 'vorher')
    await bob.hears('vorher')
    await bob.end()
    await max.says(group.id, 'eins')
    group.adds(eva)
    await eva.says(group.id, 'zwei')
    group.renames('Mannschaft')
    await max.says(group.id, 'drei')
    group.removes(eva)
    await max.says(group.id, 'vier')

    const order: string[] = []
    bob.connect()
    bob.sock.ws.on('CB:message', ({ attrs }: BinaryNode) => order.push(`message ${attrs.offline}`))
    bob.sock.ws.on('CB:notification,type:w:gp2', ({ attrs, content }: BinaryNode) => {
      const [change] = Array.isArray(content) ? content : []
      order.push(`${change?.tag} ${attrs.offline}`)
    })
    for (const text of ['eins', 'zwei', 'drei', 'vier']) await bob.hears(text)
    expect(order).toEqual(['message 0', 'add 1', 'message 2', 'subject 3', 'message 4', 'remove 5', 'message 6'])
    expect(bob.warnings).toEqual([])
  }))

test('a client with an old list of members is told so, and the new one gets the message all the same', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    let known: GroupMetadata | undefined
    const alice = await client({ cachedGroupMetadata: async () => known }).link(emulator.phone(ALICE))
    const bob = await client().link(emulator.phone(BOB))
    const group = emulator.group({ subject: 'Team', members: [ALICE, max] })
    const acks: BinaryNode['attrs'][] = []
    alice.sock.ws.on('CB:ack,class:message', ({ attrs }: BinaryNode) => acks.push(attrs))
    const says = async (text: string, additionalAttributes: Record<string, string> = {}) => {
      const message = { conversation: text }
      const id = await alice.sock.relayMessage(group.id, message, { additionalAttributes })
      await alice.acked(id)
      return acks.find((attrs) => attrs.id === id)
    }
    known = await alice.sock.groupMetadata(group.id)
    group.adds(BOB)
    // It comes without the key, which is asked for.
    await alice.says(group.id, 'auch für Bob')
    await bob.hears('auch für Bob')

    const ack = await says('mit Prüfsumme', { phash: '2:AAAAAAAA' })
    expect(ack?.phash).toMatch(/^2:[A-Za-z0-9+/]{8}$/)
    expect(ack?.error).toBeUndefined()
    expect((await says('mit der richtigen', { phash: ack?.phash ?? '' }))?.phash).toBeUndefined()
    await max.hears('mit der richtigen')
    // Named by phone number in a group of lids.
    Object.assign(known, { addressingMode: 'pn' })
    expect(await says('mit alten Namen')).toMatchObject({ error: '421', addressing_mode: 'lid' })
    expect(max.messages().map(({ text }) => text)).not.toContain('mit alten Namen')
  }))
