import { expect } from 'vitest'
import { MAX, story, until } from './harness/story.ts'

story('messages with a time go at that time, over a restart too', async ({ link, contact, door, reaches, told }) => {
  const max = contact()
  const { session } = await link()
  // The network counts in seconds.
  const sendAt = Math.ceil((Date.now() + 2_500) / 1_000) * 1_000
  const reminder = await session.send(MAX, 'Ihr Termin beginnt.', { sendAt })
  expect(reminder.status).toBe('queued')
  const batch = await session.sendBulk([
    { phone: MAX, message: 'in einer Stunde', sendAt: sendAt + 3_600_000 },
    { phone: MAX, message: 'sofort' },
  ])
  await told('message_sent', ({ body }) => body === 'sofort')
  expect(await session.message(reminder.messageId)).toMatchObject({
    status: 'queued',
    sendAt,
    priority: 'normal',
    waitsFor: 'send_at',
    waitsUntil: sendAt,
  })
  await door.reopen()
  const later = door.session('demo')
  await reaches(later, 'ready')
  const { at } = await max.hears('Ihr Termin beginnt.')
  expect(at).toBeGreaterThanOrEqual(sendAt)
  expect(max.messages().map(({ text, copies }) => [text, copies])).toEqual([
    ['sofort', 1],
    ['Ihr Termin beginnt.', 1],
  ])
  expect(await later.message(reminder.messageId)).toMatchObject({ waitsFor: null, waitsUntil: null })
  // What has not gone yet can be called off.
  expect((await later.cancelBatch(batch.batchId)).counts).toMatchObject({ cancelled: 1, queued: 0 })
})

story('what is more urgent goes first, and a time that cannot be meant is refused', async (scene) => {
  const { link, contact, emulator, reaches } = scene
  const max = contact()
  const erna = contact('491234567891', 'Erna')
  const { session } = await link()
  emulator.faults.network(false)
  await reaches(session, 'waiting')
  const texts = ['eins', 'zwei', 'drei']
  await session.sendBulk(texts.map((message) => ({ phone: MAX, message })))
  await session.sendBulk([{ phone: erna.phone, message: 'eilig', priority: 'high' }])
  emulator.faults.network(true)
  await Promise.all([erna.hears('eilig'), max.hears('drei')])
  await until(async () => (await session.recentMessages()).data.length === 4)
  const sent = (await session.recentMessages()).data.map(({ body }) => body).reverse()
  expect(sent).toEqual(['eilig', ...texts])
  await expect(session.send(MAX, 'in Sekunden', { sendAt: Math.round(Date.now() / 1_000) })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    details: { issues: [{ path: 'sendAt' }] },
  })
})
