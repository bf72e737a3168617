import { slowStore } from '@wamux/core/testing'
import type { Contact } from '@wamux/emulator'
import { describe, expect, test } from 'vitest'
import { until } from '../harness/story.ts'
import { idOf, inJournal, KINDS, OWN, openScene } from './scene.ts'

const SEEDS = process.env.WAMUX_LONG ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] : [1]
const PEOPLE = ['491234567890', '491234567891', '491234567892']
/** In each direction of each chat. */
const COUNT = 5

/** Whoever leans on a store that answers at once is found when each call takes 0–5 ms before and after. */
describe.each(KINDS)('on a slow %s', (kind) => {
  test.each(SEEDS)(
    'people write and are written to at once, and nothing is lost, doubled or out of order (seed %i)',
    async (seed) => {
      const scene = await openScene(kind, (inner) => slowStore(inner, { seed }))
      try {
        const { emulator, session, askedAgain, states } = scene
        const people = PEOPLE.map((phone) => emulator.contact(phone))
        const group = emulator.group({ subject: 'Familie', members: [...people, OWN] }).id
        const numbers = Array.from({ length: COUNT }, (_, n) => n)
        const written: Record<string, string[]> = {}
        const writes = async (authors: Contact[], to: string, chat: string) => {
          for (const n of numbers) {
            const author = authors[n % authors.length] as Contact // none is empty
            const { id } = await author.says(to, `from ${chat} ${n}`)
            written[chat] = [...(written[chat] ?? []), id]
          }
        }
        const accepted: Record<string, string[]> = {}
        const isWrittenTo = async (chat: string) => {
          for (const n of numbers) {
            const { messageId: id } = await session.send(chat, `to ${chat} ${n}`)
            accepted[chat] = [...(accepted[chat] ?? []), id]
          }
        }
        await Promise.all([
          ...people.flatMap((person) => [writes([person], OWN, person.phone), isWrittenTo(person.phone)]),
          writes(people, group, group),
          isWrittenTo(group),
        ])

        const chats = [...PEOPLE, group]
        const all = chats.length * COUNT
        await until(async () => scene.told.length >= all)
        // In the group people hear one another too.
        const heardBy = (person: Contact) => person.messages().filter(({ from }) => from === OWN)
        for (const person of people) await until(async () => heardBy(person).length >= 2 * COUNT)
        await until(async () => (await inJournal(scene, 'message_sent')).length >= all)

        const came = (await inJournal(scene, 'message')).map(idOf)
        expect(scene.told).toEqual(came)
        expect(came).toHaveLength(all)
        for (const chat of chats) {
          expect(
            came.filter((id) => written[chat]?.includes(id)),
            `from ${chat}`,
          ).toEqual(written[chat])
        }
        for (const person of people) {
          for (const chat of [person.phone, group]) {
            const heard = heardBy(person).filter((message) => message.chat === (chat === group ? group : OWN))
            expect(
              heard.map(({ id }) => id),
              `to ${chat}`,
            ).toEqual(accepted[chat])
          }
          expect(heardBy(person)).toHaveLength(2 * COUNT)
          expect(person.messages().filter(({ copies }) => copies > 1)).toEqual([])
        }
        expect(await inJournal(scene, 'message_undecryptable')).toEqual([])
        expect(await inJournal(scene, 'message_failed')).toEqual([])
        expect(askedAgain).toEqual([])
        expect(states.at(-1)).toBe('ready')
        expect(states).not.toContain('STORE_FAILED')
      } finally {
        await scene.close()
      }
    },
    60_000,
  )
})
