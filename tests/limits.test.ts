import { expect } from 'vitest'
import { MAX, story } from './harness/story.ts'

story(
  'what is over a limit waits, says so, and goes on waiting after a restart',
  async ({ link, contact, door, reaches, told }) => {
    const max = contact()
    contact('491234567891', 'Erna')
    const { session } = await link()
    await session.sendBulk(['eins', 'zwei'].map((message) => ({ phone: MAX, message })))
    await told('message_sent', ({ body }) => body === 'zwei')
    const third = await session.send(MAX, 'drei')
    const stranger = await session.send('491234567891', 'Hallo Erna')
    expect([third.status, stranger.status]).toEqual(['queued', 'queued'])
    const look = async (from = session) => [await from.message(third.messageId), await from.message(stranger.messageId)]
    const held = [
      { status: 'queued', waitsFor: 'recipient_limit', waitsUntil: expect.any(Number) },
      { status: 'queued', waitsFor: 'new_chat_limit', waitsUntil: expect.any(Number) },
    ]
    expect(await look()).toMatchObject(held)
    await door.reopen()
    const later = door.session('demo')
    await reaches(later, 'ready')
    expect(await look(later)).toMatchObject(held)
    expect(max.messages().map(({ text }) => text)).toEqual(['eins', 'zwei'])
  },
  { sendWaitMs: 50, limits: { newChatsPerDay: 1, messagesPerChatPerHour: 2 } },
)
