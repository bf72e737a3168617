import { describe, expect, test } from 'vitest'
import { ACK, ackWord, ownChat, toMessage } from '../src/message.ts'
import type { Account } from '../src/shared.ts'
import type { MessageRow } from '../src/stores/sql/history.ts'

const account: Account = { phone: '4911111111', lid: '99999@lid', name: 'Taxi' }
const row = (changes: Partial<MessageRow>): MessageRow => ({
  chat: '4922222222@c.us',
  sender: '4922222222@c.us',
  id: 'A1',
  n: 1,
  timestamp: 1_700_000_000_000,
  body: 'Hallo',
  type: 'text',
  is_from_me: 0,
  ack: ACK.none,
  name: null,
  pushname: null,
  phone: '4922222222',
  lid: null,
  ...changes,
})

test('a message of a person is from that person and has no author', () => {
  expect(toMessage(row({ pushname: 'Ada' }), account)).toEqual({
    id: 'A1',
    chatId: '4922222222@c.us',
    from: '4922222222@c.us',
    author: null,
    body: 'Hallo',
    isFromMe: false,
    contactName: 'Ada',
    timestamp: 1_700_000_000_000,
    type: 'text',
    ack: null,
  })
})

test('an own message to a person is from the account, and named after the person', () => {
  const message = toMessage(row({ sender: 'me', is_from_me: 1, ack: ACK.read, name: 'Ada' }), account)
  expect(message).toMatchObject({
    from: '4911111111@c.us',
    author: null,
    isFromMe: true,
    contactName: 'Ada',
    ack: 'read',
  })
})

test('a person of whom only the hidden id is known is a person', () => {
  const message = toMessage(row({ chat: '12345@lid', sender: '12345@lid', phone: null, lid: '12345' }), account)
  expect(message).toMatchObject({ from: '12345@lid', author: null, contactName: '12345' })
})

test('in a group a message is from the group, and its author is the person', () => {
  const group = '120363012345678901@g.us'
  expect(toMessage(row({ chat: group }), account)).toMatchObject({ from: group, author: '4922222222@c.us' })
  expect(toMessage(row({ chat: group, sender: 'me', is_from_me: 1 }), account)).toMatchObject({
    from: group,
    author: '4911111111@c.us',
  })
})

test('a status is from the list, with its author', () => {
  expect(toMessage(row({ chat: 'status@broadcast' }), account)).toMatchObject({
    from: 'status@broadcast',
    author: '4922222222@c.us',
  })
})

test('a name is the saved one, else the chosen one, else the number, else the hidden id', () => {
  const named = (changes: Partial<MessageRow>) => toMessage(row(changes), account).contactName
  expect(named({ name: 'Saved', pushname: 'Chosen' })).toBe('Saved')
  expect(named({ name: '', pushname: 'Chosen' })).toBe('Chosen')
  expect(named({ pushname: '' })).toBe('4922222222')
  expect(named({ phone: null, lid: '12345' })).toBe('12345')
  expect(named({ phone: null })).toBe('')
})

describe('acks', () => {
  test('are words for users and numbers for the store, the documented codes', () => {
    expect(ACK).toEqual({ none: 0, server: 1, delivered: 2, read: 3, played: 4 })
    expect([-1, 0, 1, 2, 3, 4, 5].map(ackWord)).toEqual([null, null, 'server', 'delivered', 'read', 'played', null])
  })
  test('are shown of own messages only', () => {
    expect(toMessage(row({ ack: ACK.read }), account).ack).toBeNull()
    expect(toMessage(row({ is_from_me: 1, ack: ACK.none }), account).ack).toBeNull()
  })
})

test('before an account is known, own messages are from nobody', () => {
  expect(ownChat(null)).toBe('')
  expect(ownChat(account)).toBe('4911111111@c.us')
})
