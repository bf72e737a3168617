import { describe, expect, test } from 'vitest'
import * as contacts from '../../src/stores/sql/contacts.ts'
import * as history from '../../src/stores/sql/history.ts'
import * as outbox from '../../src/stores/sql/outbox.ts'
import { rows, type Store, type Work } from '../../src/stores/store.ts'
import { memory } from './open.ts'

const S = 's'
const PHONE = '4922222222'
const LID = '12345678'
const GROUP = '120363012345678901@g.us'
const learn = (store: Store, facts: contacts.ContactFacts) => store.write(() => contacts.learn(S, facts))
const all = (store: Store) =>
  store.read(() => rows<{ phone: string | null; lid: string | null }>('SELECT phone, lid FROM contacts ORDER BY n'))

/** A message as it would be kept when only this much was known of its writer. */
function* keep(
  message: Partial<history.NewMessage> & { chat: string; id: string },
  contactOfChat: number | null,
): Work<string> {
  const base = { sender: message.chat, contact: contactOfChat, timestamp: 1, body: message.id, type: 'text' as const }
  return yield* history.record(
    S,
    { ...base, isFromMe: false, ack: 0, raw: null, unread: true, ...message },
    contactOfChat,
  )
}
const chatRows = (store: Store) => store.read(() => history.chats(S, null, 100))
const inChat = async (store: Store, chat: string) =>
  (await store.read(() => history.messages(S, chat, null, 100))).map(({ id }) => id)

test('a person is learnt once, by phone or by hidden id, and completed later', async () => {
  const store = await memory()
  const first = await learn(store, { phone: PHONE })
  expect(first).toMatchObject({
    phone: PHONE,
    lid: null,
    name: null,
    pushname: null,
    isBusiness: false,
    isBlocked: false,
  })
  expect(await learn(store, { phone: PHONE, pushname: 'Ada' })).toMatchObject({ n: first.n, pushname: 'Ada' })
  expect(await learn(store, { phone: PHONE, lid: LID, name: 'Ada L.' })).toMatchObject({
    n: first.n,
    lid: LID,
    pushname: 'Ada',
  })
  expect(await learn(store, { lid: LID, isBusiness: true })).toMatchObject({
    n: first.n,
    phone: PHONE,
    isBusiness: true,
  })
  expect(await all(store)).toEqual([{ phone: PHONE, lid: LID }])
  expect(await store.read(() => contacts.byLid(S, LID))).toEqual(await store.read(() => contacts.byPhone(S, PHONE)))
})

test('an empty name does not wipe out a known one', async () => {
  const store = await memory()
  await learn(store, { phone: PHONE, name: 'Ada', pushname: 'A' })
  expect(await learn(store, { phone: PHONE, name: '', pushname: '' })).toMatchObject({ name: 'Ada', pushname: 'A' })
})

test('an unknown person is undefined, and people of another session are unknown', async () => {
  const store = await memory()
  await learn(store, { phone: PHONE, lid: LID })
  expect(await store.read(() => contacts.byPhone('other', PHONE))).toBeUndefined()
  expect(await store.read(() => contacts.byLid('other', LID))).toBeUndefined()
  await store.write(() => contacts.learn('other', { phone: PHONE }))
  expect(await store.read(() => contacts.byLid('other', LID))).toBeUndefined()
})

test('a person is shown by phone when it is known, else by hidden id', () => {
  expect(contacts.chatOf({ phone: PHONE, lid: LID })).toBe(`${PHONE}@c.us`)
  expect(contacts.chatOf({ phone: null, lid: LID })).toBe(`${LID}@lid`)
})

test('who is blocked is what the last list says', async () => {
  const store = await memory()
  const [a, b] = [await learn(store, { phone: PHONE }), await learn(store, { lid: '99999' })]
  await store.write(() => contacts.setBlocked(S, a.n, true))
  await store.write(function* () {
    yield* contacts.clearBlocked(S)
    yield* contacts.setBlocked(S, b.n, true)
  })
  expect(await store.read(() => contacts.byPhone(S, PHONE))).toMatchObject({ isBlocked: false })
  expect(await store.read(() => contacts.byLid(S, '99999'))).toMatchObject({ isBlocked: true })
})

describe('when a hidden id turns out to be a phone', () => {
  test('known only by hidden id: the chat, its messages and what waits go under the phone', async () => {
    const store = await memory()
    const { n } = await learn(store, { lid: LID, pushname: 'Ada' })
    await store.write(() => keep({ chat: `${LID}@lid`, id: 'A', timestamp: 1 }, n))
    await store.write(() =>
      keep({ chat: `${LID}@lid`, id: 'B', sender: 'me', isFromMe: true, unread: false, timestamp: 2 }, n),
    )
    await store.write(() => keep({ chat: GROUP, sender: `${LID}@lid`, id: 'G', contact: n, timestamp: 3 }, null))
    await store.write(() =>
      outbox.accept(S, {
        id: 'O',
        account: '',
        chat: `${LID}@lid`,
        phone: `${LID}@lid`,
        sendAt: null,
        typing: false,
        priority: 'normal',
        batch: null,
        batchIndex: null,
        body: new Uint8Array(),
        relay: '{}',
        acceptedAt: 1,
        deadline: 2,
      }),
    )
    expect(await learn(store, { phone: PHONE, lid: LID })).toMatchObject({ n, phone: PHONE, lid: LID, pushname: 'Ada' })

    expect(await inChat(store, `${LID}@lid`)).toEqual([])
    expect(await inChat(store, `${PHONE}@c.us`)).toEqual(['B', 'A'])
    const [inGroup] = await store.read(() => history.messages(S, GROUP, null, 10))
    expect(inGroup).toMatchObject({ id: 'G', sender: `${PHONE}@c.us`, phone: PHONE })
    expect((await chatRows(store)).map((c) => [c.chat, c.message_count, c.unread_count, c.phone])).toEqual([
      [GROUP, 1, 1, null],
      [`${PHONE}@c.us`, 2, 1, PHONE],
    ])
    expect(await store.read(() => outbox.byId(S, 'O'))).toMatchObject({ chat: `${PHONE}@c.us`, phone: `${LID}@lid` })
  })

  test('known under both: two contacts and two chats become one, counts right, the newest message last', async () => {
    const store = await memory()
    const byPhone = await learn(store, { phone: PHONE, name: 'Ada L.' })
    const byLid = await learn(store, { lid: LID, pushname: 'Ada' })
    await store.write(() => keep({ chat: `${PHONE}@c.us`, id: 'P1', timestamp: 10 }, byPhone.n))
    await store.write(() => keep({ chat: `${PHONE}@c.us`, id: 'both', timestamp: 20 }, byPhone.n))
    await store.write(() => keep({ chat: `${LID}@lid`, id: 'both', timestamp: 20 }, byLid.n))
    await store.write(() => keep({ chat: `${LID}@lid`, id: 'L1', timestamp: 30 }, byLid.n))
    await store.write(() => keep({ chat: `${PHONE}@c.us`, id: 'P2', timestamp: 25, unread: false }, byPhone.n))
    await store.write(() => contacts.setBlocked(S, byLid.n, true))

    expect(await learn(store, { phone: PHONE, lid: LID })).toMatchObject({
      phone: PHONE,
      lid: LID,
      name: 'Ada L.',
      pushname: 'Ada',
      isBlocked: true,
    })
    expect(await all(store)).toEqual([{ phone: PHONE, lid: LID }])
    expect(await inChat(store, `${PHONE}@c.us`)).toEqual(['L1', 'P2', 'both', 'P1'])
    const [chat, ...others] = await chatRows(store)
    expect(others).toEqual([])
    expect(chat).toMatchObject({ chat: `${PHONE}@c.us`, message_count: 4, last_timestamp: 30, phone: PHONE })
    expect(await store.read(() => history.byN(S, chat?.last_n ?? 0))).toMatchObject({ id: 'L1' })
    const [{ n } = { n: 0 }] = await store.read(() => rows<{ n: number }>('SELECT n FROM contacts'))
    expect(await store.read(() => rows('SELECT DISTINCT contact FROM messages'))).toEqual([{ contact: n }])
    expect(await store.read(() => rows('SELECT DISTINCT contact FROM chats'))).toEqual([{ contact: n }])
  })

  test('a business stays one', async () => {
    const store = await memory()
    await learn(store, { phone: PHONE })
    await learn(store, { lid: LID, isBusiness: true })
    expect(await learn(store, { phone: PHONE, lid: LID })).toMatchObject({ isBusiness: true })
  })

  test('a group that kept one message under both names keeps it once, and counts it once', async () => {
    const store = await memory()
    const byPhone = await learn(store, { phone: PHONE })
    const byLid = await learn(store, { lid: LID })
    await store.write(() =>
      keep({ chat: GROUP, sender: `${PHONE}@c.us`, id: 'G', contact: byPhone.n, timestamp: 5 }, null),
    )
    await store.write(() => keep({ chat: GROUP, sender: `${LID}@lid`, id: 'G', contact: byLid.n, timestamp: 5 }, null))
    await store.write(() => keep({ chat: GROUP, sender: `${LID}@lid`, id: 'H', contact: byLid.n, timestamp: 4 }, null))
    await learn(store, { phone: PHONE, lid: LID })
    expect(await inChat(store, GROUP)).toEqual(['G', 'H'])
    const [group] = await chatRows(store)
    expect(group).toMatchObject({ chat: GROUP, message_count: 2, last_timestamp: 5 })
    expect(await store.read(() => history.byN(S, group?.last_n ?? 0))).toMatchObject({
      id: 'G',
      sender: `${PHONE}@c.us`,
    })
  })

  test('the same id in two chats, or of two senders, stays two messages', async () => {
    const store = await memory()
    const { n } = await learn(store, { lid: LID })
    await store.write(() => keep({ chat: `${LID}@lid`, id: 'X', timestamp: 1 }, n))
    await store.write(() => keep({ chat: `${LID}@lid`, id: 'X', sender: 'me', isFromMe: true, timestamp: 2 }, n))
    await store.write(() => keep({ chat: GROUP, id: 'X', sender: `${LID}@lid`, contact: n, timestamp: 3 }, null))
    await learn(store, { phone: PHONE, lid: LID })
    expect(await inChat(store, `${PHONE}@c.us`)).toEqual(['X', 'X'])
    expect(await inChat(store, GROUP)).toEqual(['X'])
  })

  test('nothing of another session moves', async () => {
    const store = await memory()
    await store.write(() => contacts.learn('other', { lid: LID }))
    await learn(store, { lid: LID })
    await learn(store, { phone: PHONE, lid: LID })
    expect(await store.read(() => contacts.byLid('other', LID))).toMatchObject({ phone: null })
  })

  test('learning it again changes nothing', async () => {
    const store = await memory()
    const { n } = await learn(store, { phone: PHONE, lid: LID })
    await store.write(() => keep({ chat: `${PHONE}@c.us`, id: 'A', timestamp: 1 }, n))
    const before = await chatRows(store)
    await learn(store, { phone: PHONE, lid: LID })
    expect(await chatRows(store)).toEqual(before)
  })
})

test('a person who changed the number keeps the chat: the hidden id says that it is the same person', async () => {
  const store = await memory()
  const { n } = await learn(store, { phone: PHONE, lid: LID })
  await store.write(() => keep({ chat: `${PHONE}@c.us`, id: 'old', timestamp: 1 }, n))
  await learn(store, { phone: '4933333333', lid: LID })
  expect(await inChat(store, '4933333333@c.us')).toEqual(['old'])
  expect(await all(store)).toEqual([{ phone: '4933333333', lid: LID }])
})
