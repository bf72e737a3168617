import { expect } from 'vitest'
import { MAX, story } from './harness/story.ts'

const OWN = '491700000001'
const EVA = '491234567891'

story('what a contact does to messages is told: edits, reactions, votes, deletions', async (scene) => {
  const { link, contact, told, count } = scene
  const max = contact()
  const { session } = await link()
  const chat = { chatId: `${MAX}@c.us`, from: `${MAX}@c.us`, author: null, isFromMe: false }
  const his = { messageSender: `${MAX}@c.us` }

  const { id: text } = await max.says(OWN, 'Halo')
  const edit = await max.edits(text, { text: 'Hallo' })
  expect(await told('message_edited')).toEqual({
    ...chat,
    ...his,
    id: edit.id,
    messageId: text,
    body: 'Hallo',
    timestamp: expect.any(Number),
  })

  const { messageId: ours } = await session.send(MAX, 'Grüß Gott')
  await max.hears('Grüß Gott')
  const reaction = await max.reacts(ours, '👍')
  expect(await told('message_reaction')).toEqual({
    ...chat,
    id: reaction.id,
    messageId: ours,
    messageSender: 'me',
    emoji: '👍',
    timestamp: expect.any(Number),
  })
  await max.reacts(ours, '')
  expect(await told('message_reaction')).toMatchObject({ messageId: ours, emoji: '' })

  const { id: poll } = await max.sends(OWN, { poll: { question: 'Wann?', options: ['heute', 'morgen', 'nie'] } })
  await max.votes(poll, ['nie', 'heute'])
  expect(await told('poll_vote')).toMatchObject({ ...chat, ...his, messageId: poll, options: ['heute', 'nie'] })
  await max.votes(poll, [])
  expect(await told('poll_vote')).toMatchObject({ messageId: poll, options: [] })

  await max.deletes(text)
  expect(await told('message_deleted')).toMatchObject({ ...chat, ...his, messageId: text })
  // None of it is a message, and the history shows what was written.
  expect(count('message')).toBe(2)
  expect((await session.messages(MAX)).data.map(({ body }) => body)).toEqual(['Wann?', 'Grüß Gott', 'Halo'])
})

story('in a group each change says who did it, and to whose message', async ({ emulator, link, contact, told }) => {
  const max = contact()
  const eva = contact(EVA, 'Eva')
  const { session } = await link()
  const group = emulator.group({ subject: 'Familie', members: [EVA, OWN, MAX] })
  const chat = { chatId: group.id, from: group.id, isFromMe: false }
  const [byMax, byEva] = [{ author: `${MAX}@c.us` }, { author: `${EVA}@c.us` }]

  const { id: text } = await max.says(group.id, 'Halo')
  await eva.hears('Halo')
  await eva.reacts(text, '😀')
  expect(await told('message_reaction')).toMatchObject({
    ...chat,
    ...byEva,
    messageId: text,
    messageSender: `${MAX}@c.us`,
    emoji: '😀',
  })
  const { messageId: ours } = await session.send(group.id, 'Grüß Gott')
  await max.hears('Grüß Gott')
  await max.reacts(ours, '👍')
  expect(await told('message_reaction')).toMatchObject({ ...chat, ...byMax, messageId: ours, messageSender: 'me' })

  const { id: poll } = await max.sends(group.id, { poll: { question: 'Wann?', options: ['heute', 'morgen'], pick: 1 } })
  await eva.hears('Wann?')
  await eva.votes(poll, ['morgen'])
  const ofMax = { messageSender: `${MAX}@c.us` }
  expect(await told('poll_vote')).toMatchObject({ ...chat, ...byEva, ...ofMax, messageId: poll, options: ['morgen'] })

  await max.edits(text, { text: 'Hallo' })
  expect(await told('message_edited')).toMatchObject({ ...chat, ...byMax, ...ofMax, messageId: text, body: 'Hallo' })
  // Eva made the group: what she takes back is somebody else's.
  await eva.deletes(text)
  expect(await told('message_deleted')).toMatchObject({ ...chat, ...byEva, ...ofMax, messageId: text })
})

story('what is done on the phone is told as own', async ({ link, contact, told }) => {
  const max = contact()
  const { phone } = await link()
  const { id } = await max.says(OWN, 'Hallo')
  await phone.hears('Hallo')
  const chat = { chatId: `${MAX}@c.us`, from: `${OWN}@c.us`, author: null, isFromMe: true }
  await phone.reacts(id, '👍')
  expect(await told('message_reaction')).toMatchObject({ ...chat, messageId: id, messageSender: `${MAX}@c.us` })
  const { id: poll } = await phone.sends(MAX, { poll: { question: 'Wann?', options: ['heute', 'morgen'] } })
  await max.hears('Wann?')
  await max.votes(poll, ['heute'])
  const vote = { messageId: poll, messageSender: 'me', isFromMe: false, options: ['heute'] }
  expect(await told('poll_vote')).toMatchObject(vote)
  await phone.votes(poll, ['morgen'])
  expect(await told('poll_vote')).toMatchObject({ ...chat, ...vote, isFromMe: true, options: ['morgen'] })
  const { id: own } = await phone.says(MAX, 'Halo')
  await phone.edits(own, { text: 'Hallo' })
  expect(await told('message_edited')).toMatchObject({ ...chat, messageId: own, messageSender: 'me', body: 'Hallo' })
  await phone.deletes(own)
  expect(await told('message_deleted')).toMatchObject({ ...chat, messageId: own, messageSender: 'me' })
})
