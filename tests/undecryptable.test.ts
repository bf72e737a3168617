import type { BinaryNode } from '@whiskeysockets/baileys'
import { expect } from 'vitest'
import { MAX, sdkStory, story, until } from './harness/story.ts'

const OWN = '491700000001'
/** What asks for a resend, on its way from the account. */
const wishes = (matches: (node: BinaryNode) => boolean = () => true) =>
  ({ phone: OWN, direction: 'from-client', tag: 'receipt', type: 'retry', matches }) as const
const acks = (matches: (node: BinaryNode) => boolean = () => true) =>
  ({ phone: OWN, direction: 'from-client', tag: 'ack', class: 'message', matches }) as const
const messages = (matches: (node: BinaryNode) => boolean = () => true) =>
  ({ phone: OWN, direction: 'to-client', tag: 'message', matches }) as const

story('a message that cannot be decrypted is told, and arrives when it is resent', async (scene) => {
  const { link, contact, emulator, told, count } = scene
  const max = contact()
  const { session } = await link()
  await max.says(OWN, 'zuerst')
  expect(await told('message')).not.toHaveProperty('recovered')
  emulator.faults.on(messages()).corrupt(1)
  const { id } = await max.says(OWN, 'unlesbar')
  const first = await told('message_undecryptable')
  expect(first).toMatchObject({ id, chatId: `${MAX}@c.us`, from: `${MAX}@c.us`, author: null })
  const then = await told('message', (data) => data.id === id)
  expect(then).toMatchObject({ id, chatId: `${MAX}@c.us`, from: `${MAX}@c.us`, body: 'unlesbar', recovered: true })
  expect(await session.chatMessage(MAX, id)).not.toHaveProperty('recovered')
  expect([count('message_undecryptable'), count('message')]).toEqual([1, 2])
})

story('a message of a group that cannot be decrypted before a restart is recovered after it', async (scene) => {
  const { link, contact, emulator, told, door, count } = scene
  const max = contact()
  const { phone } = await link()
  const group = emulator.group({ subject: 'Familie', members: [phone, max] })
  await max.says(group.id, 'zuerst')
  await told('message')
  // Nobody hears the wish, nor that the message has come.
  const unheard = emulator.faults.on(wishes()).drop()
  const unacked = emulator.faults.on(acks()).drop()
  const broken = emulator.faults.on(messages()).corrupt()
  const { id } = await max.says(group.id, 'unlesbar')
  const who = { id, chatId: group.id, from: group.id, author: `${MAX}@c.us` }
  expect(await told('message_undecryptable')).toMatchObject(who)
  for (const fault of [broken, unheard, unacked]) fault.lift()
  await door.reopen()
  expect(await told('message', (data) => data.id === id)).toMatchObject({ ...who, body: 'unlesbar', recovered: true })
  expect([count('message_undecryptable'), count('message')]).toEqual([1, 2])
})

sdkStory('twenty messages that cannot be decrypted delay none of two hundred good ones', async (scene) => {
  const { link, contact, emulator, told, door, count } = scene
  const max = contact()
  await link()
  await max.says(OWN, 'zuerst')
  await told('message')
  const bad = new Set<string>()
  let asked = 0
  // Their author never hears that they are asked for. A lane that waits for one of them would wait 20 times 2 s.
  emulator.faults.on(wishes(() => ++asked > 0)).drop()
  emulator.faults.on(messages((node) => bad.has(node.attrs.id ?? ''))).corrupt()
  const good: string[] = []
  for (let index = 0; index < 220; index++) {
    const id = `3EB0${String(index).padStart(18, '0')}`
    if (index % 11 === 5) bad.add(id)
    else good.push(id)
    await max.says(OWN, `${index}`, { id })
  }
  await told('message', (data) => data.id === good.at(-1))
  const heard = door.told.all.filter(({ event, data }) => event === 'message' && !data.recovered)
  expect(heard.slice(1).map(({ data }) => data.id)).toEqual(good)
  await until(async () => asked >= 20)
  expect(count('message_undecryptable')).toBe(20)
  // The account's own phone could read them, and is asked after 3 s.
  const [first] = bad
  expect(await told('message', (data) => data.id === first)).toMatchObject({ body: '5', recovered: true })
})

sdkStory(
  'a message that nobody can ever read holds up nothing, though WhatsApp delivers first what was refused',
  async (scene) => {
    const { link, contact, emulator, told, door, reaches } = scene
    const max = contact()
    const { session } = await link()
    await max.says(OWN, 'zuerst')
    await told('message')
    emulator.faults.treatNacks('stall')
    const id = '3EB0BBBBBBBBBBBBBBBBBB'
    emulator.faults.on(messages((node) => node.attrs.id === id)).corrupt()
    await max.says(OWN, 'unlesbar', { id })
    await max.says(OWN, 'dahinter')
    await told('message', ({ body }) => body === 'dahinter')
    await door.reopen()
    await reaches(door.session(session.id), 'ready')
    await max.says(OWN, 'danach')
    await told('message', ({ body }) => body === 'danach')
    expect(scene.count('message_undecryptable')).toBe(1)
  },
)

story('how often a message was asked for is known after a restart', async (scene) => {
  const { link, contact, emulator, told, door, reaches } = scene
  const max = contact()
  const { session } = await link()
  await max.says(OWN, 'zuerst')
  await told('message')
  let asked = 0
  let acked = 0
  emulator.faults.on(wishes(() => ++asked < 0)).drop()
  const id = '3EB0AAAAAAAAAAAAAAAAAA'
  emulator.faults.on(messages((node) => node.attrs.id === id)).corrupt()
  // WhatsApp keeps it, and delivers it with each login.
  emulator.faults.on(acks(() => ++acked > 0)).drop()
  // Each wish is answered with what cannot be read either, until it is given up.
  await max.says(OWN, 'unlesbar', { id })
  await until(async () => asked === 5)
  const ackedBefore = acked
  await door.reopen()
  await told('caught_up')
  await reaches(door.session(session.id), 'ready')
  await until(async () => acked > ackedBefore)
  expect(asked).toBe(5)
})

story('after each connect it is told how much WhatsApp had kept, and how much of it came', async (scene) => {
  const { link, contact, told, reaches } = scene
  const max = contact()
  const { session } = await link()
  await told('caught_up')
  await session.stop()
  await reaches(session, 'stopped')
  for (let index = 0; index < 7; index++) await max.says(OWN, `verpasst ${index}`)
  await session.start()
  await told('message', ({ body }) => body === 'verpasst 6')
  expect(await told('caught_up')).toEqual({ announced: 7, journalled: 7, timestamp: expect.any(Number) })
  await session.stop()
  await reaches(session, 'stopped')
  await session.start()
  expect(await told('caught_up')).toEqual({ announced: 0, journalled: 0, timestamp: expect.any(Number) })
})
