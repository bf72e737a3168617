import { expect } from 'vitest'
import { MAX, story } from './harness/story.ts'

const OWN = '491700000001'

story(
  'the recipient sees somebody type first, nobody waits for it, and a restart forgets none of it',
  async ({ link, contact, door, reaches, emulator }) => {
    const max = contact()
    const { session } = await link()
    const seen: string[] = []
    const note = max.sees(OWN, 'composing').then(() => seen.push(`typing, ${max.messages().length} messages`))
    const typed = await session.send(MAX, 'Einen Moment', { typing: true })
    expect(typed.status).toBe('queued')
    await max.hears('Einen Moment')
    await note
    expect(seen).toEqual(['typing, 0 messages'])
    // Accepted by one process, typed and sent by the next.
    emulator.faults.network(false)
    await reaches(session, 'waiting')
    await session.sendBulk([{ phone: MAX, message: 'später', typing: true }])
    await session.send(MAX, 'ungetippt')
    await door.reopen()
    const atFirst = max.sees(OWN, 'composing').then(() => max.messages().map(({ text }) => text))
    emulator.faults.network(true)
    await reaches(door.session('demo'), 'ready')
    await max.hears('ungetippt')
    expect(await atFirst).toEqual(['Einen Moment'])
    expect(max.messages().map(({ text }) => text)).toEqual(['Einen Moment', 'später', 'ungetippt'])
  },
  { sendWaitMs: 50 },
)

story(
  'with the setting every message is typed that does not say otherwise',
  async ({ link, contact }) => {
    const max = contact()
    const { session } = await link()
    const [first, second] = [await session.send(MAX, 'a'), await session.send(MAX, 'b', { typing: false })]
    expect([first.status, second.status]).toEqual(['queued', 'sent'])
    await max.sees(OWN, 'composing')
    await expect(session.send(MAX, 'c', { typing: 'yes' as unknown as boolean })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    })
  },
  { typing: true },
)
