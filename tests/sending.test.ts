import { expect } from 'vitest'
import { MAX, story, until } from './harness/story.ts'

story('a text reaches the contact under the id that was answered', async ({ link, contact, told }) => {
  const max = contact()
  const { session } = await link()
  const sent = await session.send('+49 123 456-7890', 'Hallo! Das ist eine Test-Nachricht.')
  expect(sent).toEqual({ messageId: expect.stringMatching(/^3EB0[0-9A-F]{18}$/), phone: MAX, status: 'sent' })
  const heard = await max.hears('Hallo! Das ist eine Test-Nachricht.')
  expect(heard).toMatchObject({ id: sent.messageId, from: '491700000001', copies: 1 })
  expect(await told('message_sent')).toMatchObject({
    id: sent.messageId,
    chatId: `${MAX}@c.us`,
    body: 'Hallo! Das ist eine Test-Nachricht.',
    isFromMe: true,
    type: 'text',
  })
})

story('a hidden id and a chat id are as good as digits', async ({ link, contact }) => {
  const max = contact()
  const { session } = await link()
  await session.send(`${MAX}@c.us`, 'an die Chat-Id')
  await max.hears('an die Chat-Id')
  await session.send(`${max.lid}@lid`, 'an die Lid')
  await max.hears('an die Lid')
  // One person, one chat.
  expect((await session.chats()).data.map(({ chatId, messageCount }) => [chatId, messageCount])).toEqual([
    [`${MAX}@c.us`, 2],
  ])
})

story(
  'the answer is "queued" when the ack takes longer than the wait, and the message is sent once',
  async ({ link, contact, emulator, told }) => {
    const max = contact()
    const { session } = await link()
    emulator.faults.ackDelayMs = 300
    const sent = await session.send(MAX, 'langsam')
    expect(sent.status).toBe('queued')
    expect(await told('message_sent')).toMatchObject({ id: sent.messageId })
    expect(max.messages().map(({ id, copies }) => [id, copies])).toEqual([[sent.messageId, 1]])
  },
  { sendWaitMs: 50 },
)

story('somebody whose hidden id nobody tells is written to under the number', async ({ link, emulator, told }) => {
  const max = emulator.contact(MAX, { name: 'Max Mustermann', lidMigrated: false })
  const { session } = await link()
  const sent = await session.send(MAX, 'Hallo')
  expect(sent.status).toBe('sent')
  await session.send(MAX, 'Bist du da?')
  await max.hears('Bist du da?')
  await max.says('491700000001', 'Ja')
  await told('message', ({ body }) => body === 'Ja')
  await session.send(MAX, 'Gut')
  await max.hears('Gut')
  expect(max.messages().map(({ text, copies }) => [text, copies])).toEqual([
    ['Hallo', 1],
    ['Bist du da?', 1],
    ['Gut', 1],
  ])
})

story('a number without WhatsApp is refused', async ({ link, told }) => {
  const { session } = await link()
  await expect(session.send('491111111111', 'Hallo?')).rejects.toMatchObject({
    code: 'NOT_ON_WHATSAPP',
    details: { phone: '491111111111' },
  })
  expect(await told('message_failed')).toMatchObject({ code: 'NOT_ON_WHATSAPP' })
})

story('what WhatsApp refuses is a typed failure', async ({ link, contact, emulator, told }) => {
  contact()
  const { session, phone } = await link()
  emulator.faults.refuseNextMessage(phone.phone, 463)
  await expect(session.send(MAX, 'abgelehnt')).rejects.toMatchObject({ code: 'WHATSAPP_RESTRICTED' })
  expect(await told('message_failed')).toMatchObject({ code: 'WHATSAPP_RESTRICTED' })
  expect((await session.recentMessages()).data).toEqual([])
})

for (const [phone, message, path] of [
  ['0123 456', 'Hallo', 'phone'],
  ['vier neun', 'Hallo', 'phone'],
  ['123456', 'Hallo', 'phone'],
  ['1234567890123456', 'Hallo', 'phone'],
  [`${MAX}@s.whatsapp.net`, 'Hallo', 'phone'],
  [MAX, '', 'message'],
] as const) {
  story(`bad input is named and sends nothing: ${JSON.stringify([phone, message])}`, async ({ link, contact }) => {
    const max = contact()
    const { session } = await link()
    await expect(session.send(phone, message)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      details: { issues: [{ path }] },
    })
    expect(max.messages()).toEqual([])
  })
}

story('a stopped session takes no message', async ({ link, contact, reaches }) => {
  const max = contact()
  const { session } = await link()
  await session.stop()
  await reaches(session, 'stopped')
  await expect(session.send(MAX, 'Hallo')).rejects.toMatchObject({
    code: 'WHATSAPP_DISCONNECTED',
    message: 'WhatsApp not connected',
    details: { state: 'stopped' },
  })
  await session.start()
  await reaches(session, 'ready')
  await session.send(MAX, 'jetzt')
  expect((await max.hears()).text).toBe('jetzt')
})

story(
  'a message accepted while the network is gone goes out after the reconnect',
  async ({ link, contact, emulator, reaches }) => {
    const max = contact()
    const { session } = await link()
    emulator.faults.network(false)
    await until(async () => (await session.info()).state !== 'ready')
    const sent = await session.send(MAX, 'bald')
    expect(sent.status).toBe('queued')
    emulator.faults.network(true)
    expect(await max.hears('bald')).toMatchObject({ id: sent.messageId, copies: 1 })
    await reaches(session, 'ready')
  },
  { sendWaitMs: 20 },
)

story(
  'a message that was about to be written when its connection ended goes out with the next one',
  async ({ link, contact, emulator, told }) => {
    const max = contact()
    const { session, phone } = await link()
    await session.checkNumber(MAX)
    // WhatsApp does not answer for which devices it is to be encrypted, and then ends the connection.
    emulator.faults.dropFrames = true
    const sent = await session.send(MAX, 'bald')
    expect(sent.status).toBe('queued')
    emulator.faults.dropFrames = false
    emulator.faults.kick(phone.phone, '503')
    await told('ready')
    expect(await max.hears('bald')).toMatchObject({ id: sent.messageId, copies: 1 })
  },
  { sendWaitMs: 100 },
)

story('bulk messages go out in order, with progress', async ({ link, contact }) => {
  const max = contact()
  const { session } = await link()
  const texts = Array.from({ length: 12 }, (_, index) => `Nachricht ${index}`)
  const batch = await session.sendBulk(texts.map((message) => ({ phone: MAX, message })))
  expect(batch).toMatchObject({ total: 12 })
  expect(batch.messages.map(({ index, phone }) => [index, phone])).toEqual(texts.map((_, index) => [index, MAX]))
  await max.hears('Nachricht 11')
  expect(max.messages().map(({ text }) => text)).toEqual(texts)
  await until(async () => (await session.batch(batch.batchId)).counts.delivered === 12)
  await max.reads(batch.messages.slice(0, 2).map(({ messageId }) => messageId))
  await until(async () => (await session.batch(batch.batchId)).counts.read === 2)
  await expect(session.batch('keine')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

story('one bad item of a batch is named and nothing is queued', async ({ link, contact }) => {
  const max = contact()
  const { session } = await link()
  const items = [MAX, MAX, MAX, '0815'].map((phone) => ({ phone, message: 'Hallo' }))
  await expect(session.sendBulk(items)).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    details: { issues: [{ path: 'messages[3].phone' }] },
  })
  await expect(session.sendBulk([])).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  await session.send(MAX, 'danach')
  expect((await max.hears()).text).toBe('danach')
})

story(
  'a single message overtakes a waiting batch, but not within its chat',
  async ({ link, contact }) => {
    const max = contact()
    const erna = contact('491234567891', 'Erna')
    const { session } = await link()
    await session.sendBulk(Array.from({ length: 30 }, (_, index) => ({ phone: MAX, message: `Rundbrief ${index}` })))
    await max.hears('Rundbrief 0')
    await session.send(erna.phone, 'eilig')
    await erna.hears('eilig')
    expect(max.messages().length).toBeLessThan(30)
    await session.send(MAX, 'zuletzt')
    await max.hears('zuletzt')
    expect(max.messages().map(({ text }) => text)).toEqual([
      ...Array.from({ length: 30 }, (_, index) => `Rundbrief ${index}`),
      'zuletzt',
    ])
  },
  { pacing: { minMs: 10, maxMs: 15 } },
)

story('how far a message got can be asked, and one message can be read', async ({ link, contact, told }) => {
  const max = contact()
  const { session } = await link()
  const { messageId } = await session.send(MAX, 'wo bist du?')
  await told('message_ack')
  expect(await session.message(messageId)).toEqual({
    messageId,
    phone: MAX,
    chatId: `${MAX}@c.us`,
    status: 'delivered',
    code: null,
    acceptedAt: expect.any(Number),
    sendAt: null,
    priority: 'normal',
    waitsFor: null,
    waitsUntil: null,
    timeline: ['queued', 'on_wire', 'server', 'delivered'].map((state) => ({ state, at: expect.any(Number) })),
    reached: null,
  })
  expect(await session.chatMessage(MAX, messageId)).toMatchObject({
    id: messageId,
    body: 'wo bist du?',
    ack: 'delivered',
  })
  const { id } = await max.says('491700000001', 'hier')
  await told('message')
  expect(await session.chatMessage(`${max.lid}@lid`, id, MAX)).toMatchObject({ id, body: 'hier', isFromMe: false })
  await expect(session.chatMessage(MAX, id, 'me')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(session.message(id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(session.send('491111111111', 'niemand')).rejects.toMatchObject({ code: 'NOT_ON_WHATSAPP' })
  const failed = await told('message_failed')
  expect(await session.message(String(failed.id))).toMatchObject({ status: 'failed', code: 'NOT_ON_WHATSAPP' })
})

story('a message refused because of devices is sent once more, under the same id', async (scene) => {
  const { link, contact, emulator, told } = scene
  const max = contact()
  const { session } = await link()
  await session.send(MAX, 'Guten Tag')
  // What is known of the contact's devices would do for this one, too: only the refusal makes it ask.
  const asked = emulator.faults.on({ phone: '491700000001', direction: 'from-client', tag: 'iq', xmlns: 'usync' })
  const fault = asked.slow(0)
  emulator.faults.refuseNextMessage('491700000001', 479)
  const { messageId, status } = await session.send(MAX, 'Hallo')
  expect(status).toBe('sent')
  expect(await max.hears('Hallo')).toMatchObject({ id: messageId, copies: 1 })
  await fault.struck()
  // Once is enough: a second refusal is final.
  for (let time = 0; time < 2; time++) emulator.faults.refuseNextMessage('491700000001', 479)
  await expect(session.send(MAX, 'Und?')).rejects.toMatchObject({ code: 'WHATSAPP_REJECTED' })
  expect(await told('message_failed')).toMatchObject({ code: 'WHATSAPP_REJECTED' })
})

story('a contact that asks again gets the same message, once', async ({ link, contact, emulator }) => {
  const max = contact()
  const { session } = await link()
  await session.send(MAX, 'zuerst')
  await max.hears('zuerst')
  emulator.faults.failNextDecrypt(MAX)
  const sent = await session.send(MAX, 'unleserlich')
  expect(await max.hears('unleserlich')).toMatchObject({ id: sent.messageId, copies: 1 })
})

const NOBODY = '987654321098765@lid'

story('nobody is found under an invented hidden id', async ({ link, contact }) => {
  const max = contact()
  const { session } = await link()
  const unknown = { code: 'NOT_ON_WHATSAPP', details: { phone: NOBODY } }
  await expect(session.checkNumber(NOBODY)).rejects.toMatchObject(unknown)
  await expect(session.contact(NOBODY)).rejects.toMatchObject(unknown)
  // WhatsApp cannot be asked about a hidden id; who was met before is known.
  const known = `${max.lid}@lid`
  await expect(session.contact(known)).rejects.toMatchObject({ code: 'NOT_ON_WHATSAPP' })
  await session.contact(MAX)
  expect(await session.contact(known)).toMatchObject({ id: `${MAX}@c.us`, number: MAX })
  expect(await session.checkNumber(known)).toMatchObject({ registered: true, whatsappId: `${MAX}@c.us` })
})

story('a stopped session finds nobody under an unknown hidden id', async ({ link, reaches }) => {
  const { session } = await link()
  await session.stop()
  await reaches(session, 'stopped')
  const offline = { code: 'WHATSAPP_DISCONNECTED', details: { state: 'stopped' } }
  await expect(session.checkNumber(NOBODY)).rejects.toMatchObject(offline)
  await expect(session.contact(NOBODY)).rejects.toMatchObject(offline)
})

story('a group that does not exist is refused at once, and nothing waits for it', async ({ link, contact, told }) => {
  const max = contact()
  const { session } = await link()
  // Were it tried again, the answer would be "queued".
  const group = '123456789012345@g.us'
  await expect(session.send(group, 'Hallo?')).rejects.toMatchObject({ code: 'WHATSAPP_REJECTED' })
  expect(await told('message_failed')).toMatchObject({ chatId: group, code: 'WHATSAPP_REJECTED' })
  await session.send(MAX, 'danach')
  expect(await max.hears('danach')).toMatchObject({ copies: 1 })
  expect((await session.recentMessages()).data.map(({ body }) => body)).toEqual(['danach'])
})
