import { describe, expect, test } from 'vitest'
import { Inbox, type Incoming, type Receipt } from '../src/inbox.ts'
import type { Account } from '../src/shared.ts'
import * as contacts from '../src/stores/sql/contacts.ts'
import * as history from '../src/stores/sql/history.ts'
import * as journal from '../src/stores/sql/journal.ts'
import * as members from '../src/stores/sql/members.ts'
import * as outbox from '../src/stores/sql/outbox.ts'
import type { Store } from '../src/stores/store.ts'
import { memory } from './stores/open.ts'

const account: Account = { phone: '4911111111', lid: '99999@lid', name: 'Taxi' }
const inbox = new Inbox('s', () => account)
const PHONE = '4922222222'
const CHAT = `${PHONE}@c.us`
const GROUP = '120363012345678901@g.us'
const incoming = (changes: Partial<Incoming> = {}): Incoming => ({
  id: 'A',
  chat: { phone: PHONE },
  author: null,
  isFromMe: false,
  timestamp: 1_000,
  pushname: 'Ada',
  isBusiness: undefined,
  ...changes,
})
const content = { type: 'text' as const, body: 'Hallo', raw: new Uint8Array([1]) }
const take = (store: Store, changes: Partial<Incoming> = {}, options = {}) =>
  store.write(() => inbox.message(incoming(changes), content, options))
const events = async (store: Store) =>
  (await store.read(() => journal.after('s', 0, 999))).map(({ event, chat, data }) => ({ event, chat, data }))
const chat = async (store: Store) => (await store.read(() => history.chats('s', null, 9)))[0]

describe('a message', () => {
  test('is kept and told once, however often it comes', async () => {
    const store = await memory()
    for (let time = 0; time < 3; time++) await take(store)
    expect(await events(store)).toEqual([
      {
        event: 'message',
        chat: CHAT,
        data: expect.objectContaining({ id: 'A', from: CHAT, body: 'Hallo', contactName: 'Ada' }),
      },
    ])
    expect(await chat(store)).toMatchObject({ message_count: 1, unread_count: 1, pushname: 'Ada' })
  })
  test('is the same when it comes again under the other name', async () => {
    const store = await memory()
    await take(store, { chat: { lid: '12345' } })
    await take(store, { chat: { phone: PHONE, lid: '12345' } })
    await take(store, { chat: { phone: PHONE } })
    expect((await events(store)).map(({ event }) => event)).toEqual(['message'])
    expect(await chat(store)).toMatchObject({ chat: CHAT, message_count: 1 })
  })
  test('of the past is kept and not told, and nobody has to read it', async () => {
    const store = await memory()
    await take(store, {}, { past: true })
    await take(store)
    expect(await events(store)).toEqual([])
    expect(await chat(store)).toMatchObject({ message_count: 1, unread_count: 0 })
  })
  test('that was typed on the phone is told as own, does not rename the contact, and means that the chat was read', async () => {
    const store = await memory()
    await take(store)
    await take(store, { id: 'B', isFromMe: true, pushname: 'Taxi', timestamp: 2_000 })
    expect((await events(store)).at(-1)?.data).toMatchObject({
      isFromMe: true,
      from: '4911111111@c.us',
      contactName: 'Ada',
      ack: 'server',
    })
    expect(await chat(store)).toMatchObject({ message_count: 2, unread_count: 0 })
  })
  test('in a group has an author; two authors may choose the same id', async () => {
    const store = await memory()
    await take(store, { chat: GROUP, author: { phone: PHONE } })
    await take(store, { chat: GROUP, author: { phone: '4933333333' }, pushname: 'Bob' })
    expect((await events(store)).map(({ data }) => 'author' in data && data.author)).toEqual([CHAT, '4933333333@c.us'])
    expect(await chat(store)).toMatchObject({ chat: GROUP, message_count: 2 })
  })
  test('as a status is kept and not told', async () => {
    const store = await memory()
    await take(store, { chat: 'status@broadcast', author: { phone: PHONE } })
    expect(await events(store)).toEqual([])
    expect(await chat(store)).toMatchObject({ chat: 'status@broadcast', message_count: 1 })
  })
})

describe('what could not be decrypted', () => {
  test('is told once, and does not keep the message from being told when it is sent again', async () => {
    const store = await memory()
    for (let time = 0; time < 2; time++) await store.write(() => inbox.undecryptable(incoming()))
    await take(store)
    expect((await events(store)).map(({ event, chat }) => [event, chat])).toEqual([
      ['message_undecryptable', CHAT],
      ['message', CHAT],
    ])
  })
  test('is told as recovered when it comes with the past, and then no more', async () => {
    const store = await memory()
    await store.write(() => inbox.undecryptable(incoming()))
    await take(store, {}, { past: true })
    await take(store)
    expect((await events(store)).map(({ event, data }) => [event, 'recovered' in data && data.recovered])).toEqual([
      ['message_undecryptable', false],
      ['message', true],
    ])
  })
  test('of two authors in a group is two', async () => {
    const store = await memory()
    for (const phone of [PHONE, '4933333333'])
      await store.write(() => inbox.undecryptable(incoming({ chat: GROUP, author: { phone } })))
    expect(await events(store)).toHaveLength(2)
  })
})

describe('receipts', () => {
  const receipt = (store: Store, step: Receipt['step'], changes: Partial<Receipt> = {}) =>
    store.write(() =>
      inbox.receipt({ ids: ['A'], chat: { phone: PHONE }, by: null, step, timestamp: 5_000, ...changes }),
    )
  const acks = async (store: Store) =>
    (await events(store)).flatMap(({ event, data }) => (event === 'message_ack' && 'ack' in data ? [data.ack] : []))
  async function sent() {
    const store = await memory()
    await take(store, { isFromMe: true })
    return store
  }
  /** A message of ours in the outbox, with the id A. */
  const accepted = (store: Store, chat: string) =>
    store.write(() =>
      outbox.accept('s', {
        id: 'A',
        account: '',
        chat,
        phone: PHONE,
        batch: null,
        batchIndex: null,
        body: new Uint8Array(),
        relay: '{}',
        sendAt: null,
        typing: false,
        priority: 'normal',
        acceptedAt: 1,
        deadline: 2,
      }),
    )
  const ackOf = async (store: Store) => (await store.read(() => outbox.byId('s', 'A')))?.ack

  test('tell each step once, and never back', async () => {
    const store = await sent()
    for (const step of ['delivered', 'delivered', 'read', 'delivered', 'played', 'read'] as const)
      await receipt(store, step)
    expect(await acks(store)).toEqual(['delivered', 'read', 'played'])
    expect((await events(store)).at(-1)?.data).toEqual({
      id: 'A',
      chatId: CHAT,
      from: '4911111111@c.us',
      isFromMe: true,
      ack: 'played',
      ackCode: 4,
      timestamp: 5_000,
    })
  })
  test('may skip a step', async () => {
    const store = await sent()
    await receipt(store, 'read')
    expect(await acks(store)).toEqual(['read'])
  })
  test('of several messages tell each', async () => {
    const store = await sent()
    await take(store, { id: 'B', isFromMe: true })
    await receipt(store, 'read', { ids: ['A', 'B', 'nobody'] })
    expect(await acks(store)).toEqual(['read', 'read'])
  })
  test('of somebody else for a message that was not to them are none', async () => {
    const store = await sent()
    await receipt(store, 'read', { chat: { phone: '4933333333' } })
    await receipt(store, 'read', { chat: GROUP })
    expect(await acks(store)).toEqual([])
  })
  test('for what others wrote are none', async () => {
    const store = await memory()
    await take(store)
    await receipt(store, 'read')
    expect(await acks(store)).toEqual([])
  })
  test('that come before the server’s own ack wait in the outbox', async () => {
    const store = await memory()
    await accepted(store, CHAT)
    await receipt(store, 'delivered')
    expect(await acks(store)).toEqual([])
    expect(await store.read(() => outbox.byId('s', 'A'))).toMatchObject({ ack: 2, state: 'queued' })
  })
  test('of somebody who knows the id of a message to others change nothing in the outbox either', async () => {
    const store = await memory()
    await accepted(store, CHAT)
    for (const chat of [{ phone: '4933333333' }, { lid: '33333' }, GROUP, '120363000000000000@g.us'])
      await receipt(store, 'read', { chat })
    expect([await acks(store), await ackOf(store)]).toEqual([[], 0])
    await receipt(store, 'read')
    expect(await ackOf(store)).toBe(3)
  })
  test('of members count for a message to their group', async () => {
    const store = await memory()
    await accepted(store, GROUP)
    await receipt(store, 'read', { chat: { phone: PHONE } })
    expect(await ackOf(store)).toBe(0)
    await receipt(store, 'read', { chat: GROUP })
    expect(await ackOf(store)).toBe(3)
  })
  test('of members are counted, each once and never back', async () => {
    const store = await memory()
    await accepted(store, GROUP)
    const by = (lid: string, step: Receipt['step']) => receipt(store, step, { chat: GROUP, by: { lid } })
    await by('1', 'delivered')
    await by('1', 'delivered')
    await by('2', 'read')
    await by('2', 'delivered')
    await by('3', 'played')
    const count = () => store.read(() => members.countReached('s', 'A'))
    expect(await count()).toEqual({ delivered: 3, read: 2, played: 1 })
    await by('1', 'read')
    expect(await count()).toEqual({ delivered: 3, read: 3, played: 1 })
    await store.write(members.dropForgotten)
    expect(await count()).toEqual({ delivered: 3, read: 3, played: 1 })
    expect(await store.read(() => members.countReached('s', 'B'))).toEqual({ delivered: 0, read: 0, played: 0 })
  })
  test.each([
    ['the number, by the hidden id', CHAT, { lid: '12345' }],
    ['the hidden id, by the number', '12345@lid', { phone: PHONE }],
    ['the number, by both', CHAT, { phone: PHONE, lid: '12345' }],
    ['the hidden id, by both', '12345@lid', { phone: PHONE, lid: '12345' }],
  ])('of one person count for a message to %s', async (_, chat, from) => {
    const store = await memory()
    await accepted(store, chat)
    await store.write(() => contacts.learn('s', { phone: PHONE, lid: '12345' }))
    await receipt(store, 'delivered', { chat: from })
    expect(await ackOf(store)).toBe(2)
  })
  test('by the hidden id find the message to the phone', async () => {
    const store = await sent()
    await store.write(() => contacts.learn('s', { phone: PHONE, lid: '12345' }))
    await receipt(store, 'delivered', { chat: { lid: '12345' } })
    expect(await acks(store)).toEqual(['delivered'])
  })
})

test('a chat that was read elsewhere has nothing unread', async () => {
  const store = await memory()
  await take(store)
  await store.write(() => inbox.readElsewhere({ phone: PHONE }))
  expect(await chat(store)).toMatchObject({ unread_count: 0 })
})

test('blocked is who is on the last list', async () => {
  const store = await memory()
  await store.write(() => inbox.blocked([{ phone: PHONE }, { lid: '12345' }]))
  await store.write(() => inbox.blocked([{ lid: '12345' }]))
  expect(await store.read(() => contacts.byPhone('s', PHONE))).toMatchObject({ isBlocked: false })
  expect(await store.read(() => contacts.byLid('s', '12345'))).toMatchObject({ isBlocked: true })
})

test('a group has its name, a person’s chat that of the person', async () => {
  const store = await memory()
  await store.write(() => inbox.namedChat(GROUP, 'Drivers'))
  await take(store, { chat: GROUP, author: { phone: PHONE } })
  expect(await chat(store)).toMatchObject({ chat_name: 'Drivers' })
  await store.write(() => inbox.namedChat({ phone: '4933333333' }, 'Nobody calls him that'))
  await store.write(() => inbox.person({ phone: '4933333333' }, { name: 'Bob' }))
  await take(store, { chat: { phone: '4933333333' }, timestamp: 9_000, pushname: undefined })
  expect(await chat(store)).toMatchObject({ chat_name: null, name: 'Bob' })
})
