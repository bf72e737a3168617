import { expect } from 'vitest'
import { MAX, story, until } from './harness/story.ts'

story('chats come newest first, with their last message', async ({ link, contact, told }) => {
  const max = contact()
  const erna = contact('491234567891', 'Erna')
  const { session, phone } = await link()
  await max.says(phone.phone, 'eins')
  await max.says(phone.phone, 'zwei')
  await told('message', ({ body }) => body === 'zwei')
  const { messageId } = await session.send(erna.phone, 'drei')
  const { data, nextCursor } = await session.chats()
  expect(nextCursor).toBeNull()
  const [first, second] = data[0]?.chatId === `${erna.phone}@c.us` ? data : data.toReversed()
  expect(first).toMatchObject({
    chatId: '491234567891@c.us',
    messageCount: 1,
    unreadCount: 0,
    lastMessage: { id: messageId, body: 'drei', isFromMe: true },
  })
  expect(second).toMatchObject({
    chatId: `${MAX}@c.us`,
    name: 'Max Mustermann',
    messageCount: 2,
    unreadCount: 2,
    lastMessage: { body: 'zwei', isFromMe: false, contactName: 'Max Mustermann', timestamp: expect.any(Number) },
  })
})

story('messages are read in pages without gaps or repeats', async ({ link, contact, told }) => {
  const max = contact()
  const { session, phone } = await link()
  const texts = Array.from({ length: 25 }, (_, index) => `Nachricht ${index}`)
  for (const text of texts) await max.says(phone.phone, text)
  await told('message', ({ body }) => body === 'Nachricht 24')
  for (const read of [
    (options: object) => session.messages(`${MAX}@c.us`, options),
    (options: object) => session.recentMessages(options),
  ]) {
    const bodies: string[] = []
    let cursor: string | undefined
    do {
      const page = await read({ limit: 10, ...(cursor !== undefined && { cursor }) })
      bodies.push(...page.data.map(({ body }) => body))
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
    expect(bodies).toEqual(texts.toReversed())
  }
  for (const limit of [0, 501, 1.5]) {
    await expect(session.recentMessages({ limit })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  }
  await expect(session.recentMessages({ cursor: 'x' })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  await expect(session.messages('was@anderes')).rejects.toMatchObject({ code: 'INVALID_CHAT_ID' })
})

story('numbers are checked', async ({ link, contact }) => {
  contact()
  const { session } = await link()
  expect(await session.checkNumber('+49 123 4567890')).toEqual({
    phone: MAX,
    registered: true,
    whatsappId: `${MAX}@c.us`,
  })
  expect(await session.checkNumber('491111111111')).toEqual({
    phone: '491111111111',
    registered: false,
    whatsappId: null,
  })
  await expect(session.checkNumber('abc')).rejects.toMatchObject({ code: 'INVALID_INPUT' })
})

story(
  'a number that was checked is not asked for again, not even after a restart',
  async ({ door, link, contact, emulator, told }) => {
    contact()
    const { session } = await link()
    expect((await session.checkNumber(MAX)).registered).toBe(true)
    await door.reopen()
    await told('ready')
    // Nobody answers any more: only what is remembered can be told.
    emulator.faults.dropFrames = true
    expect((await door.session('demo').checkNumber(MAX)).registered).toBe(true)
    emulator.faults.dropFrames = false
  },
)

story('a contact has all documented keys', async ({ link, contact, told }) => {
  const max = contact()
  const { session, phone } = await link()
  await max.says(phone.phone, 'Hallo')
  await told('message')
  expect(await session.contact(MAX)).toEqual({
    id: `${MAX}@c.us`,
    name: 'Max Mustermann',
    pushname: 'Max Mustermann',
    number: MAX,
    isBlocked: false,
    isBusiness: false,
  })
  await expect(session.contact('491111111111')).rejects.toMatchObject({ code: 'NOT_ON_WHATSAPP' })
})

story('what was written before linking is there and is not told', async ({ emulator, link, contact, count }) => {
  const max = contact()
  const before = emulator.phone('491700000001', { name: 'Erika' })
  await max.says(before.phone, 'früher gehört')
  await before.hears('früher gehört')
  await before.says(MAX, 'früher gesagt')
  await max.hears('früher gesagt')
  const { session } = await link()
  await until(async () => (await session.messages(MAX)).data.length === 2)
  expect((await session.messages(MAX)).data.map(({ body, isFromMe }) => [body, isFromMe]).sort()).toEqual([
    ['früher gehört', false],
    ['früher gesagt', true],
  ])
  expect(count('message')).toBe(0)
})
