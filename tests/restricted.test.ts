import type { SessionApi } from '@wamux/core'
import { expect } from 'vitest'
import { MAX, story } from './harness/story.ts'

const OWN = '491700000001'
const EVA = '491234567891'
const UWE = '491234567892'

const HOUR_MS = 60 * 60_000
/** WhatsApp counts seconds. */
const inAnHour = () => Math.floor(Date.now() / 1000) * 1000 + HOUR_MS

const waits = async (session: SessionApi, id: string) => {
  const { status, waitsFor, waitsUntil } = await session.message(id)
  return { status, waitsFor, waitsUntil }
}

story(
  'an account that may begin no chats goes on with those that it has, over a restart too',
  async ({ emulator, link, contact, door, told, reaches, count }) => {
    const max = contact()
    const [eva, uwe] = [contact(EVA, 'Eva'), contact(UWE, 'Uwe')]
    const { session } = await link()
    await max.says(OWN, 'Guten Tag')
    await told('message', ({ body }) => body === 'Guten Tag')
    const end = inAnHour()
    emulator.faults.timelock(OWN, { until: end, type: 'BIZ_QUALITY' })
    expect(await told('account_restricted')).toMatchObject({ until: end, reason: 'BIZ_QUALITY' })
    const held = { status: 'queued', waitsFor: 'account_restricted', waitsUntil: end }
    const first = await session.send(EVA, 'Hallo Eva')
    await session.send(MAX, 'Hallo Max')
    await max.hears('Hallo Max')
    expect(await waits(session, first.messageId)).toEqual(held)

    await door.reopen()
    const later = door.session('demo')
    await reaches(later, 'ready')
    const second = await later.send(UWE, 'Hallo Uwe')
    await later.send(MAX, 'Bist du da?')
    await max.hears('Bist du da?')
    expect([await waits(later, first.messageId), await waits(later, second.messageId)]).toEqual([held, held])
    expect([eva.messages(), uwe.messages()]).toEqual([[], []])

    emulator.faults.timelock(OWN, undefined)
    expect(await told('account_restricted', ({ until }) => until === null)).toMatchObject({ reason: null })
    await eva.hears('Hallo Eva')
    await uwe.hears('Hallo Uwe')
    expect(count('message_failed')).toBe(0)
    expect(max.messages().map(({ text }) => text)).toEqual(['Hallo Max', 'Bist du da?'])
  },
  { sendWaitMs: 300 },
)

story(
  'the refusal of a new chat says until when, and the next one goes by itself then',
  async ({ emulator, link, contact, told, count }) => {
    const [eva, uwe] = [contact(EVA, 'Eva'), contact(UWE, 'Uwe')]
    const { session } = await link()
    const end = inAnHour()
    // It is not told; who is refused has to ask.
    const silence = emulator.faults.on({ phone: OWN, direction: 'to-client', tag: 'notification' }).drop()
    emulator.faults.timelock(OWN, { until: end })
    await expect(session.send(EVA, 'Hallo Eva')).rejects.toMatchObject({
      code: 'WHATSAPP_RESTRICTED',
      details: { until: end },
    })
    expect(await told('account_restricted')).toMatchObject({ until: end, reason: null })
    const waiting = { 'Hallo nochmal': EVA, 'Hallo Uwe': UWE }
    const { messages } = await session.sendBulk(Object.entries(waiting).map(([message, phone]) => ({ phone, message })))
    const held = { status: 'queued', waitsFor: 'account_restricted', waitsUntil: end }
    for (const { messageId } of messages) expect(await waits(session, messageId)).toEqual(held)
    silence.lift()
    emulator.faults.timelock(OWN, undefined)
    await uwe.hears('Hallo Uwe')
    await eva.hears('Hallo nochmal')
    // What was refused has failed for good.
    expect(eva.messages()).toHaveLength(1)
    expect(count('message_failed')).toBe(1)
  },
)

story('who takes no messages from strangers holds up nobody else', async ({ emulator, link, contact, told, count }) => {
  const uwe = contact(UWE, 'Uwe')
  contact(EVA, 'Eva')
  const { session } = await link()
  emulator.faults.refuseNextMessage(OWN, 463)
  const refused = { code: 'WHATSAPP_RESTRICTED', details: { until: null } }
  await expect(session.send(EVA, 'Hallo Eva')).rejects.toMatchObject(refused)
  expect(await told('message_failed')).toMatchObject({ code: 'WHATSAPP_RESTRICTED' })
  expect(await session.send(UWE, 'Hallo Uwe')).toMatchObject({ status: 'sent' })
  await uwe.hears('Hallo Uwe')
  expect(count('account_restricted')).toBe(0)
})
