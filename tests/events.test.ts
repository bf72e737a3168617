import { isWamuxError, type JournalEnvelope } from '@wamux/core'
import { expect } from 'vitest'
import type { Scene } from './harness/story.ts'
import { story } from './harness/story.ts'

/** What a bot does that must miss nothing: it keeps the place of the last event, and goes on there whatever ends. */
async function collect(
  { door }: Scene,
  id: string,
  options: { after: number; until: (seen: JournalEnvelope[]) => boolean; events?: ['message'] },
): Promise<JournalEnvelope[]> {
  const seen: JournalEnvelope[] = []
  const { until, events } = options
  let { after } = options
  while (!until(seen)) {
    try {
      for await (const envelope of door.session(id).events({ after, ...(events && { events }) })) {
        seen.push(envelope)
        after = envelope.seq
        if (until(seen)) break
      }
    } catch (error) {
      // Inside the process its end is seen; over HTTP the client has gone on by itself.
      if (!isWamuxError(error, 'STOPPING')) throw error
      await door.isOpen()
    }
  }
  return seen
}

const bodies = (seen: readonly JournalEnvelope[]) =>
  seen.flatMap((one) => (one.event === 'message' ? [one.data.body] : []))

story('the journal is read from any place on, in order, and goes on as things happen', async (scene) => {
  const max = scene.contact()
  const { session, phone } = await scene.link()
  for (const text of ['eins', 'zwei', 'drei']) await max.says(phone.phone, text)
  const all = await collect(scene, session.id, { after: 0, until: (seen) => bodies(seen).length === 3 })
  expect(bodies(all)).toEqual(['eins', 'zwei', 'drei'])
  expect(all.map(({ seq }) => seq)).toEqual(all.map((_, index) => index + 1))
  expect(all.every(({ sessionId }) => sessionId === session.id)).toBe(true)

  const second = all.find((one) => one.event === 'message' && one.data.body === 'zwei')
  const rest = collect(scene, session.id, {
    after: second?.seq ?? 0,
    until: (seen) => bodies(seen).length === 2,
    events: ['message'],
  })
  await max.says(phone.phone, 'vier')
  expect(bodies(await rest)).toEqual(['drei', 'vier'])
})

story('without a place it begins with the next event, and a signal ends it', async (scene) => {
  const max = scene.contact()
  const { session, phone } = await scene.link()
  await max.says(phone.phone, 'vorher')
  await scene.told('message', ({ body }) => body === 'vorher')
  const over = new AbortController()
  const events = session.events({ events: ['message'], signal: over.signal })
  let isThere = false
  const first = events.next().finally(() => {
    isThere = true
  })
  // Nobody says when it has begun: so one is written after the other until it has.
  for (let n = 1; !isThere; n++) {
    await max.says(phone.phone, `nachher ${n}`)
    await scene.told('message', ({ body }) => body === `nachher ${n}`)
  }
  expect((await first).value).toMatchObject({ event: 'message', data: { body: expect.stringMatching(/^nachher/) } })
  const second = events.next()
  over.abort()
  expect(await second).toEqual({ done: true, value: undefined })
})

story('a reader that keeps its place misses nothing and gets nothing twice over a restart', async (scene) => {
  const max = scene.contact()
  const { session, phone } = await scene.link()
  const reading = collect(scene, session.id, {
    after: 0,
    until: (seen) => bodies(seen).length === 6,
  })
  for (const text of ['1', '2', '3']) await max.says(phone.phone, text)
  await scene.told('message', ({ body }) => body === '2')
  await scene.door.reopen()
  for (const text of ['4', '5', '6']) await max.says(phone.phone, text)
  const seen = await reading
  expect(bodies(seen)).toEqual(['1', '2', '3', '4', '5', '6'])
  expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, index) => index + 1))
})

story('a place past the newest event is refused', async (scene) => {
  const { session } = await scene.link()
  await expect(session.events({ after: 1_000 }).next()).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    details: { issues: [{ path: 'after' }] },
  })
})
