import type { SendStep, SessionApi } from '@wamux/core'
import { expect } from 'vitest'
import { MAX, sdkStory, story, until } from './harness/story.ts'

const OWN = '491700000001'
const EVA = '491234567891'

const states = async (session: SessionApi, id: string) => (await session.message(id)).timeline.map(({ state }) => state)

function isInOrder(timeline: readonly SendStep[]): boolean {
  return timeline.every(({ at }, index) => at >= (timeline[index - 1]?.at ?? 0))
}

story('a message has a timeline, which a restart does not change', async ({ door, link, contact, told }) => {
  const max = contact()
  const { session } = await link()
  const before = Date.now()
  const { messageId } = await session.send(MAX, 'Hallo')
  await max.hears('Hallo')
  await max.reads([messageId])
  await told('message_ack', ({ ack }) => ack === 'read')
  const { timeline, ...message } = await session.message(messageId)
  expect(message).toMatchObject({ messageId, status: 'read', code: null })
  expect(timeline.map(({ state }) => state)).toEqual(['queued', 'on_wire', 'server', 'delivered', 'read'])
  expect(timeline[0]?.at).toBe(message.acceptedAt)
  expect(timeline[0]?.at).toBeGreaterThanOrEqual(before)
  expect(isInOrder(timeline)).toBe(true)

  await door.reopen()
  expect((await door.session('demo').message(messageId)).timeline).toEqual(timeline)
  await told('ready')
  await max.plays([messageId])
  await told('message_ack', ({ ack }) => ack === 'played')
  expect((await door.session('demo').message(messageId)).timeline).toEqual([
    ...timeline,
    { state: 'played', at: expect.any(Number) },
  ])
})

story(
  'a message that is on the wire for long is told once, and then goes its way',
  async ({ emulator, link, contact, told, count }) => {
    const max = contact()
    const { session } = await link()
    // Who the contact is has been asked for then: the next one goes to the wire at once.
    await session.send(MAX, 'Guten Tag')
    await told('message_ack')
    const acks = emulator.faults.on({ phone: OWN, direction: 'to-client', tag: 'ack' }).hold()
    const { messageId, status } = await session.send(MAX, 'Hallo')
    expect(status).toBe('queued')
    const { messageId: next } = await session.send(MAX, 'Und?')
    // On a busy machine the greeting was on the wire for long too.
    const stalled = (id: string) => told('message_stalled', (data) => data.id === id)
    expect(await stalled(messageId)).toMatchObject({ chatId: `${MAX}@c.us`, state: 'on_wire' })
    expect(await stalled(next)).toMatchObject({ state: 'queued' })
    // That it was delivered may be known before the server's own answer.
    expect((await states(session, messageId)).slice(0, 2)).toEqual(['queued', 'on_wire'])
    expect(await states(session, messageId)).not.toContain('server')
    expect(await states(session, next)).toEqual(['queued'])
    acks.lift()
    await max.hears('Und?')
    await told('message_sent', ({ id }) => id === next)
    expect((await states(session, messageId)).slice(0, 3)).toEqual(['queued', 'on_wire', 'server'])
    expect(count('message_stalled', ({ id }) => id === messageId || id === next)).toBe(2)
  },
  { sendWaitMs: 500, stalledAfterMs: 1_000 },
)

story('the timeline of what WhatsApp refuses ends with it', async ({ emulator, link, contact, told }) => {
  contact()
  const { session } = await link()
  emulator.faults.refuseNextMessage(OWN, 400)
  await expect(session.send(MAX, 'Hallo')).rejects.toMatchObject({ code: 'WHATSAPP_REJECTED' })
  const { id } = await told('message_failed')
  expect(await session.message(String(id))).toMatchObject({ status: 'failed', code: 'WHATSAPP_REJECTED' })
  expect(await states(session, String(id))).toEqual(['queued', 'on_wire', 'failed'])
})

story('in a group the first member counts, and all are counted', async ({ emulator, link, contact }) => {
  const max = contact()
  const eva = contact(EVA, 'Eva')
  const { session } = await link()
  const group = emulator.group({ subject: 'Familie', members: [OWN, MAX, EVA] })
  const { messageId } = await session.send(group.id, 'Hallo')
  await max.hears('Hallo')
  await max.reads([messageId])
  await until(async () => (await session.message(messageId)).status === 'read')
  expect(await states(session, messageId)).toEqual(['queued', 'on_wire', 'server', 'delivered', 'read'])
  const reached = async () => (await session.message(messageId)).reached
  await until(async () => (await reached())?.delivered === 2)
  expect(await reached()).toEqual({ delivered: 2, read: 1, played: 0 })
  await eva.hears('Hallo')
  await eva.reads([messageId])
  await until(async () => (await reached())?.read === 2)
  const single = await session.send(MAX, 'Hallo Max')
  expect(await session.message(single.messageId)).toMatchObject({ reached: null })
})

sdkStory('a receipt counts under whichever name its sender goes by then, and of others not', async (scene) => {
  const { emulator, link, told, count } = scene
  const max = emulator.contact(MAX, { name: 'Max Mustermann', lidMigrated: false })
  const eva = emulator.contact(EVA, { name: 'Eva' })
  const { session, phone } = await link()
  // Baileys asks for keys under the hidden id only: with whom nobody knows one of, a session has to be there.
  await max.says(phone.phone, 'zuerst')
  await told('message')
  const { messageId } = await session.send(MAX, 'mit Nummer')
  await max.hears('mit Nummer')
  const group = emulator.group({ subject: 'Familie', members: [phone, max, eva] })
  const toGroup = await session.send(group.id, 'an alle')
  await eva.hears('an alle')
  await max.migrates()
  await max.reads([messageId])
  expect(await told('message_ack', ({ id, ack }) => id === messageId && ack === 'read')).toMatchObject({
    chatId: `${MAX}@c.us`,
  })
  await eva.reads([toGroup.messageId])
  expect(await told('message_ack', ({ id, ack }) => id === toGroup.messageId && ack === 'read')).toMatchObject({
    chatId: group.id,
  })
  expect(count('message_ack')).toBe(4)
})
