import { expect } from 'vitest'
import { MAX, story } from './harness/story.ts'

story('a send that is made again under its key is sent once, over a restart too', async (scene) => {
  const { link, contact, door, reaches } = scene
  const max = contact()
  const { session } = await link()
  const key = { idempotencyKey: 'order-4711' }
  const first = await session.send(MAX, 'Ihre Bestellung ist da.', key)
  expect(first.status).toBe('sent')
  await door.reopen()
  const later = door.session('demo')
  // The answer does not wait for WhatsApp.
  expect(await later.send(MAX, 'Ihre Bestellung ist da.', key)).toEqual(first)
  await reaches(later, 'ready')
  await later.send(MAX, 'danach')
  await max.hears('danach')
  expect(max.messages().map(({ text, copies }) => [text, copies])).toEqual([
    ['Ihre Bestellung ist da.', 1],
    ['danach', 1],
  ])
})

story('a key that was used for another request is refused', async ({ link, contact }) => {
  const max = contact()
  const { session } = await link()
  const key = { idempotencyKey: 'order-4711' }
  const batch = await session.sendBulk([{ phone: MAX, message: 'eins' }], key)
  await max.hears('eins')
  expect(await session.sendBulk([{ phone: MAX, message: 'eins' }], key)).toEqual(batch)
  await expect(session.send(MAX, 'zwei', key)).rejects.toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' })
  await session.send(MAX, 'drei')
  expect(max.messages().map(({ text }) => text)).toEqual(['eins', 'drei'])
})
