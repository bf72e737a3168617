import { randomBytes } from 'node:crypto'
import { decryptPollVote, proto, type WAMessage } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { sealVote } from '../src/content/secrets.ts'
import type { Contact, Content, Emulator, Phone } from '../src/index.ts'
import { type Client, withEmulator } from './baileys.ts'

const ALICE = '15550001001'
const BOB = '15550002002'
const MAX = '491234567890'
const MAX_JID = `${MAX}@s.whatsapp.net`

/** Alice's client and phone, and Max. */
async function linked(
  emulator: Emulator,
  client: () => Client,
): Promise<{ alice: Client; phone: Phone; max: Contact }> {
  const [max, phone] = [emulator.contact(MAX, { name: 'Max' }), emulator.phone(ALICE, { name: 'Alice' })]
  return { alice: await client().link(phone), phone, max }
}

/** The message with this id, as the client was told of it. */
function got(client: Client, { id }: { id: string }): Promise<WAMessage> {
  return client.until(() => client.messages.find(({ key, message }) => key.id === id && message))
}

test('what a contact sends reads the same on a client and on its phone', () =>
  withEmulator(async (emulator, client) => {
    const { alice, phone, max } = await linked(emulator, client)
    const cases: [Content, string, string, object][] = [
      ['Hallo', 'text', 'Hallo', { conversation: 'Hallo' }],
      [
        { text: 'Hallo @15550001001', mentions: [ALICE], disappearsAfter: 86_400 },
        'text',
        'Hallo @15550001001',
        { extendedTextMessage: { contextInfo: { mentionedJid: [`${ALICE}@s.whatsapp.net`], expiration: 86_400 } } },
      ],
      [
        { poll: { question: 'Wann?', options: ['Mo', 'Di'], pick: 1 } },
        'poll',
        'Wann?',
        { pollCreationMessageV3: { name: 'Wann?', options: [{ optionName: 'Mo' }, { optionName: 'Di' }] } },
      ],
      [
        { event: { name: 'Fest', startsAt: 4_102_444_800_000, place: 'Garten' } },
        'event',
        'Fest',
        { eventMessage: { name: 'Fest', location: { name: 'Garten' } } },
      ],
      [
        { cards: [{ name: 'Eva', phone: BOB }] },
        'card',
        'Eva',
        { contactMessage: { displayName: 'Eva', vcard: expect.stringContaining(`waid=${BOB}:+${BOB}`) } },
      ],
      [
        {
          cards: [
            { name: 'Eva', phone: BOB },
            { name: 'Ida', phone: MAX },
          ],
        },
        'cards',
        '2 contacts',
        { contactsArrayMessage: { contacts: [{ displayName: 'Eva' }, { displayName: 'Ida' }] } },
      ],
      [
        { location: { latitude: 52.5, longitude: 13.4, name: 'Hier' } },
        'location',
        'Hier',
        { locationMessage: { degreesLatitude: 52.5, name: 'Hier' } },
      ],
      [
        { location: { latitude: 52.5, longitude: 13.4, isLive: true } },
        'liveLocation',
        '',
        { liveLocationMessage: { degreesLongitude: 13.4 } },
      ],
      [
        { message: { buttonsMessage: { contentText: 'Ja?', buttons: [{ buttonId: 'ja' }] } } },
        'buttons',
        'Ja?',
        { buttonsMessage: { buttons: [{ buttonId: 'ja' }] } },
      ],
      [
        { message: { listMessage: { title: 'Karte', description: 'Was?' } } },
        'list',
        'Was?',
        { listMessage: { title: 'Karte' } },
      ],
    ]
    for (const [content, type, text, shape] of cases) {
      const sent = await max.sends(ALICE, content)
      expect((await got(alice, sent)).message).toMatchObject(shape)
      expect(await phone.hears(({ id }) => id === sent.id)).toMatchObject({ type, text, from: MAX })
    }
    expect(alice.warnings).toEqual([])
  }))

test('what a client sends is read by a contact: card, place, answer, mention, press of a button', () =>
  withEmulator(async (emulator, client) => {
    const { alice, max } = await linked(emulator, client)
    const { id } = await max.says(ALICE, 'Wo?')
    const question = await alice.hears('Wo?')
    await alice.sock.sendMessage(MAX_JID, { text: 'Hier', mentions: [MAX_JID] }, { quoted: question })
    expect(await max.hears('Hier')).toMatchObject({ type: 'text', quotes: id, mentions: [MAX_JID], isForwarded: false })
    await alice.sock.sendMessage(MAX_JID, { location: { degreesLatitude: 1, degreesLongitude: 2, name: 'Insel' } })
    expect(await max.hears('Insel')).toMatchObject({ type: 'location' })
    await alice.sock.sendMessage(MAX_JID, { contacts: { contacts: [{ displayName: 'Eva', vcard: 'BEGIN:VCARD' }] } })
    expect(await max.hears('Eva')).toMatchObject({ type: 'card' })
    await alice.sock.sendMessage(MAX_JID, { buttonReply: { displayText: 'Ja', id: 'ja', index: 0 }, type: 'plain' })
    expect(await max.hears('Ja')).toMatchObject({ type: 'buttonsResponse' })
    await alice.sock.sendMessage(MAX_JID, { forward: question, force: true })
    expect(await max.hears('Wo?')).toMatchObject({ isForwarded: true })
    expect(alice.warnings).toEqual([])
  }))

test('messages are edited, taken back, reacted to, forwarded and pinned: contact to client', () =>
  withEmulator(async (emulator, client) => {
    const { alice, max } = await linked(emulator, client)
    const reactions: proto.IReaction[] = []
    alice.sock.ev.on('messages.reaction', (all) => reactions.push(...all.map(({ reaction }) => reaction)))
    const { id } = await max.says(ALICE, 'Halo')
    await alice.hears('Halo')
    await max.edits(id, 'Hallo')
    const edit = await alice.until(() => alice.updates.find(({ update }) => update.message?.editedMessage))
    expect(edit).toMatchObject({
      key: { id },
      update: { message: { editedMessage: { message: { conversation: 'Hallo' } } } },
    })

    const theirs = await alice.says(MAX, 'Na?')
    await max.hears('Na?')
    await max.reacts(theirs, '👍')
    await alice.until(() => reactions.length === 1)
    await max.reacts(theirs, '')
    await alice.until(() => reactions.length === 2)
    expect(reactions.map(({ text }) => text)).toEqual(['👍', ''])

    const forward = await got(alice, await max.forwards(theirs, ALICE))
    expect(forward.message?.extendedTextMessage).toMatchObject({ text: 'Na?', contextInfo: { isForwarded: true } })
    const pin = await got(alice, await max.pins(theirs))
    expect(pin.message?.pinInChatMessage).toMatchObject({ key: { id: theirs, fromMe: false }, type: 1 })

    await max.deletes(id)
    const deletion = await alice.until(() => alice.updates.find(({ update }) => update.message === null))
    expect(deletion.key.id).toBe(id)
    await expect(max.edits(theirs, 'nein')).rejects.toThrow('has not written')
    await expect(max.deletes(theirs)).rejects.toThrow('neither the author')
    expect(alice.warnings).toEqual([])
  }))

test('messages are edited, taken back, reacted to and pinned: client to contact', () =>
  withEmulator(async (emulator, client) => {
    const { alice, max } = await linked(emulator, client)
    const id = await alice.says(MAX, 'Halo')
    const key = { remoteJid: MAX_JID, fromMe: true, id }
    await alice.sock.sendMessage(MAX_JID, { text: 'Hallo', edit: key })
    expect(await max.hears('Hallo')).toMatchObject({
      type: 'edit',
      concerns: id,
      raw: expect.stringContaining("edit='1'"),
    })
    const { id: theirs } = await max.says(ALICE, 'Na?')
    const question = await alice.hears('Na?')
    await alice.sock.sendMessage(MAX_JID, { react: { text: '❤️', key: question.key } })
    expect(await max.hears('❤️')).toMatchObject({ type: 'reaction', concerns: theirs })
    await alice.sock.sendMessage(MAX_JID, { pin: question.key, type: 1, time: 86_400 })
    expect(await max.hears(({ type }) => type === 'pin')).toMatchObject({ concerns: theirs })
    await alice.sock.sendMessage(MAX_JID, { delete: key })
    expect(await max.hears(({ type }) => type === 'revoke')).toMatchObject({ concerns: id })
    expect(alice.warnings).toEqual([])
  }))

test('a poll of a client is voted on by a contact, and the other way round', () =>
  withEmulator(async (emulator, client) => {
    const { alice, phone, max } = await linked(emulator, client)
    const poll = { name: 'Wann?', values: ['Mo', 'Di', 'Mi'], selectableCount: 2 }
    const sent = await alice.sock.sendMessage(MAX_JID, { poll })
    const pollMsgId = sent?.key.id ?? ''
    expect(await max.hears('Wann?')).toMatchObject({ type: 'poll' })
    const vote = await got(alice, await max.votes(pollMsgId, ['Mi', 'Mo']))
    const opened = decryptPollVote(vote.message?.pollUpdateMessage?.vote ?? {}, {
      pollCreatorJid: `${ALICE}@s.whatsapp.net`,
      pollMsgId,
      pollEncKey: sent?.message?.messageContextInfo?.messageSecret ?? Buffer.alloc(0),
      voterJid: MAX_JID,
    })
    expect(opened.selectedOptions).toHaveLength(2)
    expect(await phone.hears('Mo, Mi')).toMatchObject({
      type: 'vote',
      choices: ['Mo', 'Mi'],
      concerns: pollMsgId,
      from: MAX,
    })
    await expect(max.votes(pollMsgId, ['Do'])).rejects.toThrow('Mo, Di, Mi')
    await expect(max.votes(pollMsgId, ['Mo', 'Di', 'Mi'])).rejects.toThrow('Only 2')

    // Baileys has no function that votes; what a client sends is made by hand, as an application would.
    const theirs = await max.sends(ALICE, { poll: { question: 'Wo?', options: ['Hier', 'Dort'], pick: 1 } })
    const creation = await got(alice, theirs)
    const other = emulator.contact(BOB)
    expect(creation.message?.messageContextInfo?.messageSecret).toHaveLength(32)
    await expect(other.votes(theirs.id, ['Hier'])).rejects.toThrow('neither written nor received')
    const sealing = {
      secret: creation.message?.messageContextInfo?.messageSecret ?? Buffer.alloc(0),
      id: theirs.id,
      creator: MAX_JID,
      answerer: `${ALICE}@s.whatsapp.net`,
    }
    const pollCreationMessageKey = { remoteJid: MAX_JID, fromMe: false, id: theirs.id }
    const pollUpdateMessage = { pollCreationMessageKey, vote: sealVote(sealing, ['Hier'], randomBytes(12)) }
    await alice.sock.relayMessage(MAX_JID, { pollUpdateMessage }, {})
    expect(await max.hears('Hier')).toMatchObject({ type: 'vote', choices: ['Hier'], from: ALICE })
    await phone.votes(theirs.id, ['Dort'])
    expect(await max.hears('Dort')).toMatchObject({ type: 'vote', choices: ['Dort'], concerns: theirs.id, from: ALICE })
    expect(alice.warnings).toEqual([])
  }))

test('an event of a client is answered by a contact', () =>
  withEmulator(async (emulator, client) => {
    const events: WAMessage[] = []
    const [max, phone] = [emulator.contact(MAX), emulator.phone(ALICE)]
    const getMessage = async ({ id }: { id?: string | null }) =>
      events.find(({ key }) => key.id === id)?.message ?? undefined
    const alice = await client({ getMessage }).link(phone)
    const sent = await alice.sock.sendMessage(`${max.lid}@lid`, {
      event: { name: 'Fest', startDate: new Date(4_102_444_800_000) },
    })
    if (sent) events.push(sent)
    const id = sent?.key.id ?? ''
    expect(await max.hears('Fest')).toMatchObject({
      type: 'event',
      raw: expect.stringContaining("event_type='creation'"),
    })
    await max.answers(id, 'maybe')
    const update = await alice.until(() => alice.updates.find(({ update }) => update.eventResponses))
    const { EventResponseType } = proto.Message.EventResponseMessage
    expect(update.update.eventResponses?.[0]).toMatchObject({ response: { response: EventResponseType.MAYBE } })
    expect(await phone.hears('maybe')).toMatchObject({ type: 'answer', choices: ['maybe'], concerns: id, from: MAX })
    expect(alice.warnings).toEqual([])
  }))

test('in a group votes are opened, reactions name the author, and an admin deletes what others wrote', () =>
  withEmulator(async (emulator, client) => {
    const { alice, phone, max } = await linked(emulator, client)
    const eva = emulator.contact(BOB, { name: 'Eva' })
    const group = emulator.group({ subject: 'Wir', members: [max, eva, phone] })
    await alice.sock.groupMetadata(group.id)
    const poll = await max.sends(group.id, { poll: { question: 'Wann?', options: ['Mo', 'Di'] } })
    await eva.hears('Wann?')
    await eva.votes(poll.id, ['Di'])
    expect(await max.hears('Di')).toMatchObject({ type: 'vote', from: BOB, chat: group.id, choices: ['Di'] })
    expect(await phone.hears('Di')).toMatchObject({ choices: ['Di'] })
    const reaction = await got(alice, await eva.reacts(poll.id, '🎉'))
    expect(reaction.message?.reactionMessage?.key).toMatchObject({ id: poll.id, participant: `${max.lid}@lid` })
    const rude = await eva.says(group.id, 'Mist')
    await alice.hears('Mist')
    await max.hears('Mist')
    await max.deletes(rude.id)
    const deletion = await alice.until(() => alice.updates.find(({ update }) => update.message === null))
    expect(deletion.key).toMatchObject({ id: rude.id, remoteJid: group.id })
    expect((await eva.hears(({ type }) => type === 'revoke')).raw).toContain("edit='8'")
    expect(alice.warnings).toEqual([])
  }))

test('two clients: an edit, a reaction, a poll with its vote, and a deletion', () =>
  withEmulator(async (emulator, client) => {
    const [phone, other] = [emulator.phone(ALICE), emulator.phone(BOB)]
    const [alice, bob] = [await client().link(phone), await client().link(other)]
    const bobJid = `${BOB}@s.whatsapp.net`
    const id = await alice.says(BOB, 'Halo')
    const key = { remoteJid: bobJid, fromMe: true, id }
    const message = await bob.hears('Halo')
    await alice.sock.sendMessage(bobJid, { text: 'Hallo', edit: key })
    await bob.until(() => bob.updates.find(({ update }) => update.message?.editedMessage))
    const reactions: string[] = []
    alice.sock.ev.on('messages.reaction', (all) => reactions.push(...all.map(({ reaction }) => reaction.text ?? '')))
    await bob.sock.sendMessage(`${ALICE}@s.whatsapp.net`, { react: { text: '🙂', key: message.key } })
    await alice.until(() => reactions.includes('🙂'))
    const poll = await alice.sock.sendMessage(bobJid, {
      poll: { name: 'Wann?', values: ['Mo', 'Di'], selectableCount: 1 },
    })
    await got(bob, { id: poll?.key.id ?? '' })
    await other.hears('Wann?')
    await other.votes(poll?.key.id ?? '', ['Di'])
    expect(await phone.hears('Di')).toMatchObject({ type: 'vote', choices: ['Di'] })
    // The vote reaches the voter's own client too, as a copy.
    await bob.until(() => bob.messages.find(({ key, message }) => key.fromMe && message?.pollUpdateMessage))
    await alice.sock.sendMessage(bobJid, { delete: key })
    await bob.until(() => bob.updates.find(({ update }) => update.message === null))
    expect([...alice.warnings, ...bob.warnings]).toEqual([])
  }))
