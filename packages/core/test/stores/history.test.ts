import { describe, expect, test } from 'vitest'
import * as history from '../../src/stores/sql/history.ts'
import type { Store } from '../../src/stores/store.ts'
import { memory } from './open.ts'

const S = 's'
const CHAT = '4922222222@c.us'
const message = (changes: Partial<history.NewMessage> = {}): history.NewMessage => ({
  chat: CHAT,
  sender: CHAT,
  id: 'A',
  contact: null,
  timestamp: 1_000,
  body: 'Hallo',
  type: 'text',
  isFromMe: false,
  ack: 0,
  raw: new Uint8Array([1, 2]),
  unread: true,
  ...changes,
})
const record = (store: Store, changes: Partial<history.NewMessage> = {}) =>
  store.write(() => history.record(S, message(changes), null))
const chats = (store: Store) => store.read(() => history.chats(S, null, 100))

test('a message is new once; known again, it changes nothing', async () => {
  const store = await memory()
  expect(await record(store)).toBe('new')
  const before = [await chats(store), await store.read(() => history.messages(S, CHAT, null, 9))]
  expect(await record(store, { body: 'forged', timestamp: 9_999, ack: 4 })).toBe('known')
  expect([await chats(store), await store.read(() => history.messages(S, CHAT, null, 9))]).toEqual(before)
})

test('an id alone says nothing: another chat, another sender, another session have their own', async () => {
  const store = await memory()
  expect(await record(store)).toBe('new')
  expect(await record(store, { sender: 'me' })).toBe('new')
  expect(await record(store, { chat: '120363012345678901@g.us' })).toBe('new')
  expect(await store.write(() => history.record('other', message(), null))).toBe('new')
  expect(await record(store)).toBe('known')
})

test('a chat shows its newest message, whatever order they came in', async () => {
  const store = await memory()
  await record(store, { id: 'B', timestamp: 2_000 })
  await record(store, { id: 'A', timestamp: 1_000 })
  await record(store, { id: 'C', timestamp: 2_000 })
  const [chat] = await chats(store)
  expect(chat).toMatchObject({ chat: CHAT, message_count: 3, unread_count: 3, last_timestamp: 2_000 })
  expect(await store.read(() => history.byN(S, chat?.last_n ?? 0))).toMatchObject({ id: 'C' })
})

test('unread messages are counted until the chat is read', async () => {
  const store = await memory()
  await record(store, { id: 'A' })
  await record(store, { id: 'B', unread: false })
  await record(store, { id: 'C' })
  expect((await chats(store))[0]).toMatchObject({ message_count: 3, unread_count: 2 })
  await store.write(() => history.markRead(S, CHAT))
  expect((await chats(store))[0]).toMatchObject({ message_count: 3, unread_count: 0 })
})

test('a chat that has a name and no message is not listed, and keeps its name when one comes', async () => {
  const store = await memory()
  await store.write(() => history.nameChat(S, CHAT, null, 'Family'))
  expect(await chats(store)).toEqual([])
  await record(store)
  await store.write(() => history.nameChat(S, CHAT, null, null))
  expect((await chats(store))[0]).toMatchObject({ chat_name: 'Family', message_count: 1, last_timestamp: 1_000 })
})

describe('acks of own messages', () => {
  test('only rise, and say whether they did', async () => {
    const store = await memory()
    await record(store, { sender: 'me', isFromMe: true, ack: 1 })
    const raise = (ack: number) => store.write(() => history.raiseAck(S, CHAT, 'A', ack))
    expect([await raise(3), await raise(3), await raise(2), await raise(4)]).toEqual([true, false, false, true])
    expect(await store.read(() => history.own(S, 'A'))).toMatchObject({ ack: 4 })
  })
  test('do not touch what somebody else wrote under the same id', async () => {
    const store = await memory()
    await record(store)
    expect(await store.write(() => history.raiseAck(S, CHAT, 'A', 2))).toBe(false)
    expect(await store.read(() => history.own(S, 'A'))).toBeUndefined()
  })
})

describe('pages', () => {
  /** Reads a list to its end, `size` at a time, and writes something new in between as life does. */
  async function walk(store: Store, chat: string | null, size: number, between: (page: number) => Promise<unknown>) {
    const seen: string[] = []
    let before: history.Place | null = null
    for (let page = 0; ; page++) {
      const found: history.MessageRow[] = await store.read(() => history.messages(S, chat, before, size))
      seen.push(...found.map(({ id }) => id))
      const last = found.at(-1)
      if (!last || found.length < size) return seen
      before = { timestamp: last.timestamp, n: last.n }
      await between(page)
    }
  }
  /** 60 messages with few different times: the hard case for a place in a list. */
  async function filled() {
    const store = await memory()
    const expected: { id: string; timestamp: number; n: number }[] = []
    for (let n = 1; n <= 60; n++) {
      const timestamp = 1_000 + ((n * 7) % 5)
      await record(store, { id: `m${n}`, timestamp })
      expected.push({ id: `m${n}`, timestamp, n })
    }
    expected.sort((a, b) => b.timestamp - a.timestamp || b.n - a.n)
    return { store, expected: expected.map(({ id }) => id) }
  }
  for (const size of [1, 2, 7, 59, 60, 61]) {
    test(`of ${size} have no gap and no repeat, newest first, while newer messages come in`, async () => {
      const { store, expected } = await filled()
      const walked = await walk(store, CHAT, size, (page) =>
        record(store, { id: `late ${page}`, timestamp: 5_000 + page }),
      )
      expect(walked).toEqual(expected)
    })
  }
  test('of all chats together hold every chat, of one chat only that', async () => {
    const { store, expected } = await filled()
    await record(store, { chat: '4933333333@c.us', sender: '4933333333@c.us', id: 'other', timestamp: 1 })
    expect(await walk(store, null, 7, async () => {})).toEqual([...expected, 'other'])
    expect(await walk(store, CHAT, 7, async () => {})).toEqual(expected)
  })
  test('of chats go by the newest message, and by name where that is equal', async () => {
    const store = await memory()
    const names = ['4911111111', '4922222222', '4933333333', '4944444444', '4955555555'].map((phone) => `${phone}@c.us`)
    for (const [index, chat] of names.entries()) await record(store, { chat, timestamp: index < 2 ? 1 : 2 })
    const seen: string[] = []
    let before: { timestamp: number; chat: string } | null = null
    for (;;) {
      const found: history.ChatRow[] = await store.read(() => history.chats(S, before, 2))
      seen.push(...found.map(({ chat }) => chat))
      const last = found.at(-1)
      if (!last) break
      before = { timestamp: last.last_timestamp, chat: last.chat }
    }
    expect(seen).toEqual([names[4], names[3], names[2], names[1], names[0]])
  })
})
