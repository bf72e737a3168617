import { expect } from 'vitest'
import { MAX, story, until } from './harness/story.ts'

story('a message of a contact is told as documented', async ({ link, contact, told }) => {
  const max = contact()
  await link()
  const { id } = await max.says('491700000001', 'Hallo Bot!')
  expect(await told('message')).toMatchObject({
    id,
    chatId: `${MAX}@c.us`,
    from: `${MAX}@c.us`,
    author: null,
    body: 'Hallo Bot!',
    isFromMe: false,
    contactName: 'Max Mustermann',
    timestamp: expect.any(Number),
    type: 'text',
  })
})

story('a contact known only by the hidden id is the same person', async ({ link, contact, told }) => {
  const max = contact()
  const { session } = await link()
  await max.says('491700000001', 'von der Nummer')
  await max.says('491700000001', 'von der Lid', { space: 'lid' })
  await told('message', ({ body }) => body === 'von der Lid')
  const { data } = await session.chats()
  expect(data.map(({ chatId, messageCount }) => [chatId, messageCount])).toEqual([[`${MAX}@c.us`, 2]])
})

story('what is typed on the phone is told as own', async ({ link, contact, told }) => {
  const max = contact()
  const { session, phone } = await link()
  await phone.says(MAX, 'vom Telefon')
  await max.hears('vom Telefon')
  expect(await told('message')).toMatchObject({ chatId: `${MAX}@c.us`, body: 'vom Telefon', isFromMe: true })
  expect((await session.messages(`${MAX}@c.us`)).data).toMatchObject([{ body: 'vom Telefon', isFromMe: true }])
})

story('delivered and read are told once each, and never back', async ({ link, contact, told, count }) => {
  const max = contact()
  const { session } = await link()
  const { messageId } = await session.send(MAX, 'gelesen?')
  const own = { id: messageId, chatId: `${MAX}@c.us`, isFromMe: true }
  expect(await told('message_ack')).toMatchObject({ ...own, ack: 'delivered', ackCode: 2 })
  await max.hears('gelesen?')
  await max.reads([messageId])
  expect(await told('message_ack')).toMatchObject({ ...own, ack: 'read', ackCode: 3 })
  await max.reads([messageId])
  await session.send(MAX, 'noch eine')
  await told('message_ack', ({ id }) => id !== messageId)
  expect(count('message_ack')).toBe(3)
  expect((await session.messages(MAX)).data.map(({ body, ack }) => [body, ack])).toEqual([
    ['noch eine', 'delivered'],
    ['gelesen?', 'read'],
  ])
})

story(
  'what arrived while stopped is told after the start, in order',
  async ({ link, contact, reaches, told, door }) => {
    const max = contact()
    const { session } = await link()
    await session.stop()
    await reaches(session, 'stopped')
    for (let index = 0; index < 20; index++) await max.says('491700000001', `verpasst ${index}`)
    await session.start()
    await told('message', ({ body }) => body === 'verpasst 19')
    const bodies = door.told.all.filter(({ event }) => event === 'message').map(({ data }) => data.body)
    expect(bodies).toEqual(Array.from({ length: 20 }, (_, index) => `verpasst ${index}`))
  },
)

story('the same message delivered twice is told once', async ({ link, contact, told, count }) => {
  const max = contact()
  const { session } = await link()
  const { id } = await max.says('491700000001', 'doppelt')
  await max.says('491700000001', 'doppelt', { id })
  await max.says('491700000001', 'Ende')
  await told('message', ({ body }) => body === 'Ende')
  expect(count('message')).toBe(2)
  expect((await session.recentMessages()).data).toHaveLength(2)
})

story('a group message says group and author', async ({ link, contact, emulator, told }) => {
  const max = contact()
  const { session, phone } = await link()
  const group = emulator.group({ subject: 'Familie', members: [phone, max] })
  await max.says(group.id, 'Hallo zusammen')
  expect(await told('message')).toMatchObject({
    chatId: group.id,
    from: group.id,
    author: `${MAX}@c.us`,
    body: 'Hallo zusammen',
    contactName: 'Max Mustermann',
  })
  const sent = await session.send(group.id, 'Hallo Max')
  expect(await max.hears('Hallo Max')).toMatchObject({ id: sent.messageId })
})

story('two accounts do not hear of each other', async ({ link, contact, told, door }) => {
  const max = contact()
  const a = await link('a', '491700000001')
  const b = await link('b', '491700000002')
  await max.says('491700000001', 'nur für a')
  await max.says('491700000002', 'nur für b')
  await told('message', ({ body }) => body === 'nur für a')
  await told('message', ({ body }) => body === 'nur für b')
  const heard = door.told.all
    .filter(({ event }) => event === 'message')
    .map(({ session, data }) => [session, data.body])
  expect(heard.sort()).toEqual([
    ['a', 'nur für a'],
    ['b', 'nur für b'],
  ])
  await a.session.send(b.phone.phone, 'von a an b')
  expect(await told('message', ({ body }) => body === 'von a an b')).toMatchObject({ from: '491700000001@c.us' })
})

story('another place that takes the account is not fought', async ({ link, emulator, reaches }) => {
  const { session, phone } = await link()
  emulator.faults.kick(phone.phone, 'replaced')
  await reaches(session, 'failed')
  expect(await session.info()).toMatchObject({ reason: 'REPLACED' })
  await session.start()
  await reaches(session, 'ready')
})

story('a lost connection comes back by itself', async ({ link, emulator, told, contact }) => {
  const max = contact()
  const { phone } = await link()
  emulator.faults.kick(phone.phone, 'drop')
  await max.says(phone.phone, 'inzwischen')
  await told('message', ({ body }) => body === 'inzwischen')
  emulator.faults.kick(phone.phone, '515')
  await told('ready')
  await until(async () => true)
})
