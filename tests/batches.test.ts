import { expect } from 'vitest'
import { MAX, story, until } from './harness/story.ts'

const items = ['eins', 'zwei', 'drei'].map((message) => ({ phone: MAX, message }))

story(
  'a batch is paused over a restart, resumed, and cancelled',
  async ({ link, contact, door, reaches, emulator }) => {
    const max = contact()
    const { session } = await link()
    // Nothing goes out before it is paused.
    emulator.faults.network(false)
    await until(async () => (await session.info()).state !== 'ready')
    const { batchId } = await session.sendBulk(items)
    const called = await session.sendBulk([{ phone: MAX, message: 'abgesagt' }])
    expect(await session.pauseBatch(batchId)).toMatchObject({ state: 'paused', counts: { queued: 3 } })
    expect(await session.cancelBatch(called.batchId)).toMatchObject({ state: 'cancelled', counts: { cancelled: 1 } })
    emulator.faults.network(true)
    await door.reopen()
    const later = door.session('demo')
    await reaches(later, 'ready')
    await later.send(MAX, 'dazwischen')
    expect((await later.batch(batchId)).counts).toMatchObject({ queued: 3 })
    expect(await later.resumeBatch(batchId)).toMatchObject({ state: 'running' })
    await max.hears('drei')
    expect(max.messages().map(({ text }) => text)).toEqual(['dazwischen', 'eins', 'zwei', 'drei'])
    await expect(later.pauseBatch('nope')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  },
)
