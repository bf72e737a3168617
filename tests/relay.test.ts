import { Session, type SessionApi } from '@wamux/core'
import type { Emulator } from '@wamux/emulator'
import type { BinaryNode } from '@whiskeysockets/baileys'
import { expect } from 'vitest'
import { MAX, sdkStory, until } from './harness/story.ts'

const OWN = '491700000001'
const OTHER = '491700000002'

/** What has no verb of its own yet: only the SDK can send it. */
function local(session: SessionApi): Session {
  if (!(session instanceof Session)) throw new Error('This story needs the session itself.')
  return session
}

/** Every message stanza that leaves the account from now on, by id: what stands in it beside the protobuf. */
function marksOf(emulator: Emulator): (id: string) => { edit: string | undefined; poll: string | undefined }[] {
  const left: BinaryNode[] = []
  const matches = (node: BinaryNode) => left.push(node) < 0 // none is lost
  emulator.faults.on({ phone: OWN, direction: 'from-client', tag: 'message', matches }).drop()
  const meta = ({ content }: BinaryNode) =>
    Array.isArray(content) ? content.find(({ tag }) => tag === 'meta')?.attrs.polltype : undefined
  return (id) =>
    left.filter(({ attrs }) => attrs.id === id).map((node) => ({ edit: node.attrs.edit, poll: meta(node) }))
}

sdkStory('what is done to a message has its mark, also when somebody could not read it', async (scene) => {
  const { emulator, link, contact } = scene
  const max = contact()
  const session = local((await link()).session)
  const marks = marksOf(emulator)
  const { messageId: id } = await session.send(MAX, 'Hallo')
  const of = { id, author: 'me' }
  const contents = [
    [{ kind: 'edit', of, text: 'Hallo!' }, 'edit', { edit: '1', poll: undefined }],
    [{ kind: 'reaction', to: of, emoji: '👍' }, 'reaction', { edit: undefined, poll: undefined }],
    [{ kind: 'pin', of, forSeconds: 86_400 }, 'pin', { edit: '2', poll: undefined }],
    [
      { kind: 'poll', question: 'Wann?', options: ['heute', 'morgen'], picks: 1 },
      'poll',
      { edit: undefined, poll: 'creation' },
    ],
    [{ kind: 'deletion', of }, 'revoke', { edit: '7', poll: undefined }],
  ] as const
  for (const [content, type, mark] of contents) {
    emulator.faults.failNextDecrypt(MAX)
    const { messageId } = await session.sendContent(MAX, content)
    await max.hears((heard) => heard.id === messageId && heard.type === type)
    expect([type, marks(messageId)]).toEqual([type, [mark, mark]])
  }
  // What is done to a message is none itself.
  const { data } = await session.messages(`${MAX}@c.us`)
  expect(data.map((message) => message.type)).toEqual(['poll', 'text'])
})

sdkStory(
  'a mark outlives restarts, of what waited and of what nobody has acknowledged',
  async ({ emulator, link, contact, door, told }) => {
    const max = contact()
    const session = local((await link()).session)
    const { messageId: id } = await session.send(MAX, 'Hallo')
    await told('message_sent', (data) => data.id === id)
    const marks = marksOf(emulator)
    emulator.faults.dropAcks = true
    const of = { id, author: 'me' }
    const edit = await session.sendContent(MAX, { kind: 'edit', of, text: 'Hallo!' })
    await until(async () => marks(edit.messageId).length === 1)
    const deletion = await session.sendContent(MAX, { kind: 'deletion', of })
    expect([edit.status, deletion.status]).toEqual(['queued', 'queued'])
    await door.reopen()
    emulator.faults.dropAcks = false
    await max.hears((heard) => heard.id === deletion.messageId)
    const mark = { edit: '1', poll: undefined }
    expect(marks(edit.messageId)).toEqual([mark, mark])
    expect(marks(deletion.messageId)).toEqual([{ edit: '7', poll: undefined }])
    expect(await max.hears((heard) => heard.id === edit.messageId)).toMatchObject({ type: 'edit', copies: 2 })
  },
  { sendWaitMs: 50 },
)

sdkStory(
  'a device that asks again, after a restart, learns that it was an admin who took a message back',
  async (scene) => {
    const { emulator, link, contact, door, told } = scene
    const max = contact()
    const { session, phone } = await link()
    const { phone: other } = await link('other', OTHER)
    const group = emulator.group({ subject: 'Verein', members: [phone, other, max] })
    const { id } = await max.says(group.id, 'Unsinn')
    await told('message', (data) => data.id === id)
    // The device cannot read it, and asks while nobody is there.
    const isOfGroup = ({ attrs }: BinaryNode) => attrs.from === group.id
    const broken = emulator.faults
      .on({ phone: OTHER, direction: 'to-client', tag: 'message', matches: isOfGroup })
      .corrupt(1)
    const unheard = emulator.faults.on({ phone: OWN, direction: 'to-client', tag: 'receipt', type: 'retry' }).drop()
    const content = { kind: 'deletion', of: { id, author: `${MAX}@c.us` } } as const
    const { messageId } = await local(session).sendContent(group.id, content)
    await broken.struck()
    await unheard.struck()
    unheard.lift()
    await door.reopen()
    const deleted = await told('message_deleted', (data) => data.id === messageId)
    expect(deleted).toMatchObject({ messageId: id, chatId: group.id, author: `${OWN}@c.us`, isFromMe: false })
  },
)
