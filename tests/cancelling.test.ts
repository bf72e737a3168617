import { expect } from 'vitest'
import { MAX, story, until } from './harness/story.ts'

story('a message that waits can be called off, and one that is sent cannot', async (scene) => {
  const { link, contact, door, reaches, emulator } = scene
  const max = contact()
  const { session } = await link()
  const sent = await session.send(MAX, 'unterwegs')
  await expect(session.cancelMessage(sent.messageId)).rejects.toMatchObject({
    code: 'TOO_LATE',
    details: { state: 'server' },
  })
  const later = await session.send(MAX, 'Termin', { sendAt: Date.now() + 3_600_000 })
  emulator.faults.network(false)
  await until(async () => (await session.info()).state !== 'ready')
  const batch = await session.sendBulk(['eins', 'zwei'].map((message) => ({ phone: MAX, message })))
  const [, second = { messageId: '' }] = batch.messages
  for (const id of [later.messageId, second.messageId]) {
    const cancelled = await session.cancelMessage(id)
    expect(cancelled).toMatchObject({ status: 'cancelled', code: null, waitsFor: null })
    expect(cancelled.timeline.map(({ state }) => state)).toEqual(['queued', 'cancelled'])
  }
  emulator.faults.network(true)
  await door.reopen()
  const again = door.session('demo')
  await reaches(again, 'ready')
  await again.send(MAX, 'danach')
  expect(max.messages().map(({ text }) => text)).toEqual(['unterwegs', 'eins', 'danach'])
  // Twice is fine; what there never was is not.
  expect(await again.cancelMessage(later.messageId)).toMatchObject({ status: 'cancelled' })
  expect((await again.batch(batch.batchId)).counts).toMatchObject({ queued: 0, cancelled: 1 })
  await expect(again.cancelMessage('3EB0NOPE')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})
