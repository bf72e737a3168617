import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEmulator, trustEmulator } from '@wamux/emulator'
import { decodeBinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { openHttp, openSdk } from './harness/door.ts'
import { MAX, qrOf, story } from './harness/story.ts'

story('a message of a contact is told as documented', async ({ link, contact, told }) => {
  const max = contact()
  await link()
  const { id } = await max.says('491700000001', 'Hallo Bot!')
  expect(await told('message')).toMatchObject({
    id,
    chatId: `${MAX}@c.us`,
    from: `${MAX}@c.us`,
    author: null,
    body: 'Hallo Bot!',
    isFromMe: false,
    contactName: 'Max Mustermann',
    timestamp: expect.any(Number),
    type: 'text',
  })
})

story('a hidden id that comes with its number is that number from the first message on', async (scene) => {
  const { link, contact, told } = scene
  const max = contact()
  const { session } = await link()
  await max.says('491700000001', 'von der Lid', { space: 'lid' })
  expect(await told('message')).toMatchObject({ chatId: `${MAX}@c.us`, from: `${MAX}@c.us`, body: 'von der Lid' })
  await max.says('491700000001', 'von der Nummer')
  expect(await told('message')).toMatchObject({ chatId: `${MAX}@c.us`, from: `${MAX}@c.us`, body: 'von der Nummer' })
  const { data } = await session.chats()
  expect(data.map(({ chatId, messageCount }) => [chatId, messageCount])).toEqual([[`${MAX}@c.us`, 2]])
})

describe('a contact known only by the hidden id is the same person once the number is told', () => {
  test.each([
    ['the SDK', openSdk],
    ['server and client', openHttp],
  ])('through %s', async (_, openDoor) => {
    const folder = mkdtempSync(join(tmpdir(), 'wamux-network-'))
    const file = join(folder, 'network.db')
    const emulator = await createEmulator({ strict: true, pretendPreKeys: 100, file })
    trustEmulator(emulator.rootPublicKey)
    const door = await openDoor(emulator)
    try {
      const max = emulator.contact(MAX, { name: 'Max Mustermann' })
      const session = await door.create('demo')
      await emulator.phone('491700000001').scans(await qrOf(session))
      await door.told.next(({ event }) => event === 'ready')
      await session.stop()
      await max.says('491700000001', 'von der Lid', { space: 'lid' })
      await withoutNumber(file, max.lid)
      await session.start()
      const told = async () => (await door.told.next(({ event }) => event === 'message')).data
      const hidden = `${max.lid}@lid`
      expect(await told()).toMatchObject({ chatId: hidden, from: hidden, body: 'von der Lid' })
      expect((await session.chats()).data.map(({ chatId }) => chatId)).toEqual([hidden])
      // WhatsApp names the hidden id beside the number: now both are known to be one.
      await max.says('491700000001', 'von der Nummer')
      expect(await told()).toMatchObject({ chatId: `${MAX}@c.us`, body: 'von der Nummer' })
      await max.says('491700000001', 'wieder von der Lid', { space: 'lid' })
      expect(await told()).toMatchObject({ chatId: `${MAX}@c.us`, body: 'wieder von der Lid' })
      const { data } = await session.chats()
      expect(data.map(({ chatId, messageCount }) => [chatId, messageCount])).toEqual([[`${MAX}@c.us`, 3]])
      for (const name of [hidden, `${MAX}@c.us`]) {
        expect((await session.messages(name)).data.map(({ body }) => body)).toEqual([
          'wieder von der Lid',
          'von der Nummer',
          'von der Lid',
        ])
      }
      expect(door.errors).toEqual([])
    } finally {
      await door.close()
      await emulator.close()
      rmSync(folder, { recursive: true })
    }
  })
})

/** Takes the number off what waits in the network, as WhatsApp does between people who do not know each other's. */
async function withoutNumber(file: string, lid: string): Promise<void> {
  const db = new Database(file)
  try {
    const rows = db.prepare("SELECT seq, body FROM pending WHERE tag = 'message' AND device <> 0").all() as Pending[]
    const nodes = await Promise.all(rows.map(async ({ seq, body }) => ({ seq, node: await decodeBinaryNode(body) })))
    const [only, ...more] = nodes.filter(({ node }) => node.attrs.from === `${lid}@lid`)
    expect(only?.node.attrs.sender_pn).toBe(`${MAX}@s.whatsapp.net`)
    expect(more).toEqual([])
    if (!only) return
    const { sender_pn: _, ...attrs } = only.node.attrs
    const body = encodeBinaryNode({ ...only.node, attrs })
    db.prepare('UPDATE pending SET body = ? WHERE seq = ?').run(body, only.seq)
  } finally {
    db.close()
  }
}

/** As the network keeps what it has not delivered. */
interface Pending {
  seq: number
  body: Buffer
}

story('what is typed on the phone is told as own', async ({ link, contact, told }) => {
  const max = contact()
  const { session, phone } = await link()
  await phone.says(MAX, 'vom Telefon')
  await max.hears('vom Telefon')
  expect(await told('message')).toMatchObject({ chatId: `${MAX}@c.us`, body: 'vom Telefon', isFromMe: true })
  expect((await session.messages(`${MAX}@c.us`)).data).toMatchObject([{ body: 'vom Telefon', isFromMe: true }])
})

story('delivered and read are told once each, and never back', async ({ link, contact, told, count }) => {
  const max = contact()
  const { session } = await link()
  const { messageId } = await session.send(MAX, 'gelesen?')
  const own = { id: messageId, chatId: `${MAX}@c.us`, isFromMe: true }
  expect(await told('message_ack')).toMatchObject({ ...own, ack: 'delivered', ackCode: 2 })
  await max.hears('gelesen?')
  await max.reads([messageId])
  expect(await told('message_ack')).toMatchObject({ ...own, ack: 'read', ackCode: 3 })
  await max.reads([messageId])
  await session.send(MAX, 'noch eine')
  await told('message_ack', ({ id }) => id !== messageId)
  expect(count('message_ack')).toBe(3)
  expect((await session.messages(MAX)).data.map(({ body, ack }) => [body, ack])).toEqual([
    ['noch eine', 'delivered'],
    ['gelesen?', 'read'],
  ])
})

story(
  'what arrived while stopped is told after the start, in order',
  async ({ link, contact, reaches, told, door }) => {
    const max = contact()
    const { session } = await link()
    await session.stop()
    await reaches(session, 'stopped')
    for (let index = 0; index < 20; index++) await max.says('491700000001', `verpasst ${index}`)
    await session.start()
    await told('message', ({ body }) => body === 'verpasst 19')
    const bodies = door.told.all.filter(({ event }) => event === 'message').map(({ data }) => data.body)
    expect(bodies).toEqual(Array.from({ length: 20 }, (_, index) => `verpasst ${index}`))
  },
)

story('the same message delivered twice is told once', async ({ link, contact, told, count }) => {
  const max = contact()
  const { session } = await link()
  const { id } = await max.says('491700000001', 'doppelt')
  await max.says('491700000001', 'doppelt', { id })
  await max.says('491700000001', 'Ende')
  await told('message', ({ body }) => body === 'Ende')
  expect(count('message')).toBe(2)
  expect((await session.recentMessages()).data).toHaveLength(2)
})

story(
  'ids are the words of strangers: one that every object has comes into the journal as any other',
  async (scene) => {
    const max = scene.contact()
    const { session, phone } = await scene.link()
    const ids = ['constructor', '__proto__', 'toString']
    for (const id of ids) await max.says(phone.phone, `als ${id}`, { id })
    for (const id of ids) expect(await scene.told('message')).toMatchObject({ id, body: `als ${id}` })
    // The receipt names the id too.
    for (const id of ids) await max.received(id)
    await max.reacts('constructor', '👍')
    expect(await scene.told('message_reaction')).toMatchObject({ messageId: 'constructor', emoji: '👍' })

    const kept: string[] = []
    for await (const envelope of session.events({ after: 0, events: ['message'] })) {
      if (envelope.event === 'message') kept.push(envelope.data.id)
      if (kept.length === ids.length) break
    }
    expect(kept).toEqual(ids)
    expect((await session.messages(max.phone)).data.map(({ id }) => id)).toEqual(ids.toReversed())
  },
)

story('a group message says group and author', async ({ link, contact, emulator, told }) => {
  const max = contact()
  const { session, phone } = await link()
  const group = emulator.group({ subject: 'Familie', members: [phone, max] })
  await max.says(group.id, 'Hallo zusammen')
  expect(await told('message')).toMatchObject({
    chatId: group.id,
    from: group.id,
    author: `${MAX}@c.us`,
    body: 'Hallo zusammen',
    contactName: 'Max Mustermann',
  })
  expect((await session.chats()).data).toMatchObject([{ chatId: group.id, name: 'Familie', messageCount: 1 }])
  const sent = await session.send(group.id, 'Hallo Max')
  expect(await max.hears('Hallo Max')).toMatchObject({ id: sent.messageId })
})

story('two accounts do not hear of each other', async ({ link, contact, told, door }) => {
  const max = contact()
  const a = await link('a', '491700000001')
  const b = await link('b', '491700000002')
  await max.says('491700000001', 'nur für a')
  await max.says('491700000002', 'nur für b')
  await told('message', ({ body }) => body === 'nur für a')
  await told('message', ({ body }) => body === 'nur für b')
  const heard = door.told.all
    .filter(({ event }) => event === 'message')
    .map(({ session, data }) => [session, data.body])
  expect(heard.sort()).toEqual([
    ['a', 'nur für a'],
    ['b', 'nur für b'],
  ])
  await a.session.send(b.phone.phone, 'von a an b')
  expect(await told('message', ({ body }) => body === 'von a an b')).toMatchObject({ from: '491700000001@c.us' })
})

story('another place that takes the account is not fought', async ({ link, emulator, reaches }) => {
  const { session, phone } = await link()
  emulator.faults.kick(phone.phone, 'replaced')
  await reaches(session, 'failed')
  expect(await session.info()).toMatchObject({ reason: 'REPLACED' })
  await session.start()
  await reaches(session, 'ready')
})

story('a lost connection comes back by itself, and one that WhatsApp restarts too', async (scene) => {
  const { link, emulator, told, contact, count } = scene
  const max = contact()
  const { session, phone } = await link()
  emulator.faults.kick(phone.phone, 'drop')
  await max.says(phone.phone, 'inzwischen')
  await told('ready')
  await told('message', ({ body }) => body === 'inzwischen')
  emulator.faults.kick(phone.phone, '515')
  await told('ready')
  await max.says(phone.phone, 'danach')
  await told('message', ({ body }) => body === 'danach')
  await session.send(max.phone, 'wieder da')
  await max.hears('wieder da')
  expect(count('ready')).toBe(3)
  expect(phone.devices).toEqual([1])
})
