import { expect } from 'vitest'
import { MAX, type Scene, sdkStory, story, until } from './harness/story.ts'

const OWN = '491700000001'
const EVA = '491234567891'

/** Whether a stanza, or something in it, has this attribute. */
function speaksOf(node: { attrs: Record<string, string>; content?: unknown }, user: string): boolean {
  if (Object.values(node.attrs).some((value) => value.startsWith(user))) return true
  return Array.isArray(node.content) && node.content.some((child) => speaksOf(child, user))
}

/** From now on WhatsApp does not say what is asked about somebody, until that is lifted. */
const silentAbout = ({ emulator }: Scene, xmlns: 'usync' | 'encrypt', ...users: (string | undefined)[]) =>
  emulator.faults
    .on({
      phone: OWN,
      direction: 'from-client',
      tag: 'iq',
      xmlns,
      matches: (node) => users.some((user) => user !== undefined && speaksOf(node, user)),
    })
    .hold()

for (const [what, xmlns] of [
  ['devices', 'usync'],
  ['keys', 'encrypt'],
] as const) {
  sdkStory(
    `somebody whose ${what} WhatsApp does not tell holds nobody up, and gets it once when it does`,
    async (scene) => {
      const { emulator, link, contact, told, count } = scene
      const max = contact()
      const eva = emulator.contact(EVA, { name: 'Eva' })
      const { session, phone } = await link()
      const silence = silentAbout(scene, xmlns, EVA, eva.lid)
      const { messageId, status } = await session.send(EVA, 'Hallo Eva')
      expect(status).toBe('queued')
      // Messages of others come in and go out, from the first on.
      for (const text of ['eins', 'zwei']) {
        await session.send(MAX, text)
        await max.hears(text)
        await max.says(phone.phone, `${text}!`)
        await told('message', ({ body }) => body === `${text}!`)
      }
      expect(await session.message(messageId)).toMatchObject({ status: 'queued' })
      silence.lift()
      await eva.hears('Hallo Eva')
      await until(async () => (await session.message(messageId)).status === 'delivered')
      expect(eva.messages().map(({ text, copies }) => [text, copies])).toEqual([['Hallo Eva', 1]])
      expect(count('ready')).toBe(1)
    },
    { sendWaitMs: 50 },
  )
}

story(
  'a member of a group whose hidden id nobody tells reads what is written there',
  async ({ link, emulator, contact }) => {
    const max = emulator.contact(MAX, { name: 'Max Mustermann', lidMigrated: false })
    const eva = contact(EVA, 'Eva')
    const { session, phone } = await link()
    const group = emulator.group({ subject: 'Familie', members: [phone, max, eva], addressing: 'pn' })
    for (const text of ['Hallo', 'Und?']) {
      await session.send(group.id, text)
      await max.hears(text)
      await eva.hears(text)
    }
    for (const member of [max, eva]) {
      expect(member.messages().map(({ text, copies }) => [text, copies])).toEqual([
        ['Hallo', 1],
        ['Und?', 1],
      ])
    }
  },
)

story(
  'what carries the sender key and is refused gives nobody the key: the next message carries it again',
  async (scene) => {
    const { link, emulator, contact } = scene
    const max = contact()
    const eva = contact(EVA, 'Eva')
    const { session, phone } = await link()
    const group = emulator.group({ subject: 'Familie', members: [phone, max, eva] })
    const retries = emulator.faults.on({ phone: OWN, direction: 'to-client', tag: 'receipt', type: 'retry' }).slow(0)
    emulator.faults.refuseNextMessage(OWN, 400)
    await expect(session.send(group.id, 'abgelehnt')).rejects.toMatchObject({ code: 'WHATSAPP_REJECTED' })
    emulator.faults.refuseNextMessage(OWN, 479)
    await session.send(group.id, 'Hallo')
    await max.hears('Hallo')
    await eva.hears('Hallo')
    expect(retries.count).toBe(0)
  },
)
