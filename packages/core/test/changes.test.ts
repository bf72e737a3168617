import { proto } from '@whiskeysockets/baileys'
import { describe, expect, test } from 'vitest'
import type { Change } from '../src/changes.ts'
import { Inbox, type Incoming } from '../src/inbox.ts'
import type { Account } from '../src/shared.ts'
import * as journal from '../src/stores/sql/journal.ts'
import { readChange } from '../src/whatsapp/read-change.ts'
import { memory } from './stores/open.ts'

const account: Account = { phone: '4911111111', lid: '99999@lid', name: 'Taxi' }
const PHONE = '4922222222'
const GROUP = '120363012345678901@g.us'
const { Type } = proto.Message.ProtocolMessage

const incoming = (changes: Partial<Incoming> = {}): Incoming => ({
  id: 'B',
  chat: { phone: PHONE },
  author: null,
  isFromMe: false,
  timestamp: 1_000,
  pushname: 'Ada',
  isBusiness: undefined,
  ...changes,
})
const inGroup = { chat: GROUP, author: { phone: PHONE } }

/** What is told of a change, as a client writes it. */
async function told(message: proto.IMessage, changes: Partial<Incoming> = {}, times = 1) {
  const store = await memory()
  const inbox = new Inbox('s', () => account)
  const change = readChange(message) as Change // each message below is one
  for (let time = 0; time < times; time++) await store.write(() => inbox.change(incoming(changes), change))
  return (await store.read(() => journal.after('s', 0, 9))).map(({ event, data }) => ({ event, ...data }))
}

const reaction = (key: proto.IMessageKey) => ({ reactionMessage: { key: { id: 'A', ...key }, text: '👍' } })
const deletion = (key: proto.IMessageKey) => ({ protocolMessage: { type: Type.REVOKE, key: { id: 'A', ...key } } })
const edit = (key: proto.IMessageKey) => ({
  protocolMessage: { type: Type.MESSAGE_EDIT, key: { id: 'A', ...key }, editedMessage: { conversation: 'neu' } },
})

describe('whose message it is about', () => {
  const rows: [what: string, key: proto.IMessageKey, changes: Partial<Incoming>, sender: string][] = [
    ['their own', { fromMe: true }, {}, `${PHONE}@c.us`],
    ['ours', { fromMe: false }, {}, 'me'],
    ['ours, done on the phone', { fromMe: true }, { isFromMe: true }, 'me'],
    ['theirs, done on the phone', { fromMe: false }, { isFromMe: true }, `${PHONE}@c.us`],
    ['their own in a group', { fromMe: true }, inGroup, `${PHONE}@c.us`],
    ['ours in a group, by number', { participant: '4911111111@s.whatsapp.net' }, inGroup, 'me'],
    ['ours in a group, by hidden id', { participant: '99999@lid' }, inGroup, 'me'],
    ['of a third person', { participant: '4933333333@s.whatsapp.net' }, inGroup, '4933333333@c.us'],
    ['of a third person of whom only the hidden id is known', { participant: '88888@lid' }, inGroup, '88888@lid'],
  ]
  test.each(rows)('%s', async (_, key, changes, messageSender) => {
    expect(await told(reaction(key), changes)).toMatchObject([
      { event: 'message_reaction', id: 'B', messageId: 'A', messageSender, emoji: '👍' },
    ])
  })
})

describe('a change', () => {
  test('is told once, however often it comes', async () => {
    expect(await told(edit({ fromMe: true }), {}, 3)).toMatchObject([{ event: 'message_edited', body: 'neu' }])
  })
  test('of what others wrote is not believed, unless an admin of the group takes it back', async () => {
    const others = { participant: '4933333333@s.whatsapp.net' }
    expect(await told(edit({ fromMe: false }))).toEqual([])
    expect(await told(edit(others), inGroup)).toEqual([])
    expect(await told(edit(others), { ...inGroup, isByAdmin: true })).toEqual([])
    expect(await told(deletion({ fromMe: false }))).toEqual([])
    expect(await told(deletion({ fromMe: false }), { isByAdmin: true })).toEqual([])
    expect(await told(deletion(others), inGroup)).toEqual([])
    expect(await told(deletion(others), { ...inGroup, isByAdmin: true })).toMatchObject([
      { event: 'message_deleted', author: `${PHONE}@c.us`, messageSender: '4933333333@c.us' },
    ])
  })
  test('of a status is not told', async () => {
    const status = { chat: 'status@broadcast', author: { phone: PHONE } }
    expect(await told(reaction({ fromMe: true }), status)).toEqual([])
  })
  test('of a poll that is not here says that nobody knows what was picked', async () => {
    const vote = { encPayload: new Uint8Array(20), encIv: new Uint8Array(12) }
    const message = { pollUpdateMessage: { pollCreationMessageKey: { id: 'A', fromMe: true }, vote } }
    expect(await told(message)).toMatchObject([{ event: 'poll_vote', messageId: 'A', options: null }])
  })
})

test('what names no message is no change', () => {
  expect(readChange({ reactionMessage: { text: '👍' } })).toBeUndefined()
  expect(readChange({ protocolMessage: { type: Type.REVOKE } })).toBeUndefined()
  expect(readChange({ protocolMessage: { type: Type.APP_STATE_SYNC_KEY_SHARE, key: { id: 'A' } } })).toBeUndefined()
  expect(readChange({ pollUpdateMessage: { pollCreationMessageKey: { id: 'A' } } })).toBeUndefined()
  expect(readChange({ conversation: 'Hallo' })).toBeUndefined()
})
