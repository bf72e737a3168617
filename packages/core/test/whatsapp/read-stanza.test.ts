import type { BinaryNode } from '@whiskeysockets/baileys'
import { describe, expect, test } from 'vitest'
import { readGroupName, readIncoming, readReceipt, secondsToMs, toParty } from '../../src/whatsapp/read-stanza.ts'

const me = { id: '4911111111:5@s.whatsapp.net', lid: '99999:5@lid' }
const GROUP = '120363012345678901@g.us'
const message = (attrs: Record<string, string>): BinaryNode => ({
  tag: 'message',
  attrs: { id: 'A', t: '1700000000', ...attrs },
})
const incoming = (attrs: Record<string, string>) => readIncoming(message(attrs), me).incoming

describe('a message of a person', () => {
  test('by phone, with the hidden id beside', () => {
    expect(
      readIncoming(message({ from: '4922222222:3@s.whatsapp.net', sender_lid: '12345@lid', notify: 'Ada' }), me),
    ).toEqual({
      author: '4922222222:3@s.whatsapp.net',
      incoming: {
        id: 'A',
        chat: { phone: '4922222222', lid: '12345' },
        author: null,
        isFromMe: false,
        timestamp: 1_700_000_000_000,
        pushname: 'Ada',
        isBusiness: undefined,
      },
    })
  })
  test('by hidden id, with the phone beside', () => {
    const attrs = { from: '12345@lid', sender_pn: '4922222222@s.whatsapp.net', addressing_mode: 'lid' }
    expect(incoming(attrs).chat).toEqual({ phone: '4922222222', lid: '12345' })
  })
  test('by one name only', () => {
    expect(incoming({ from: '12345@lid' }).chat).toEqual({ phone: undefined, lid: '12345' })
    expect(incoming({ from: '4922222222@s.whatsapp.net' }).chat).toEqual({ phone: '4922222222', lid: undefined })
  })
  test('whose name was verified is a business', () => {
    expect(incoming({ from: '4922222222@s.whatsapp.net', verified_name: '1' }).isBusiness).toBe(true)
  })
})

describe('a copy of what the account wrote on another device', () => {
  test('belongs to the chat of whom it was written to, not to the account', () => {
    const copy = incoming({
      from: '4911111111@s.whatsapp.net',
      recipient: '4922222222@s.whatsapp.net',
      notify: 'Myself',
    })
    expect(copy).toMatchObject({ chat: { phone: '4922222222', lid: undefined }, isFromMe: true, author: null })
    expect(copy.pushname).toBeUndefined()
  })
  test('carries the other name of the recipient, and never that of the account', () => {
    const attrs = { from: '4911111111@s.whatsapp.net', recipient: '4922222222@s.whatsapp.net', sender_lid: '99999@lid' }
    expect(incoming(attrs).chat).toEqual({ phone: '4922222222', lid: undefined })
    expect(incoming({ ...attrs, peer_recipient_lid: '12345@lid' }).chat).toEqual({ phone: '4922222222', lid: '12345' })
    expect(incoming({ ...attrs, recipient_lid: '12345@lid' }).chat).toEqual({ phone: '4922222222', lid: '12345' })
  })
  test('by hidden ids', () => {
    const attrs = { from: '99999:2@lid', recipient: '12345@lid', sender_pn: '4911111111@s.whatsapp.net' }
    expect(incoming({ ...attrs, peer_recipient_pn: '4922222222@s.whatsapp.net' })).toMatchObject({
      chat: { phone: '4922222222', lid: '12345' },
      isFromMe: true,
    })
    expect(incoming(attrs).chat).toEqual({ phone: undefined, lid: '12345' })
  })
  test('to oneself', () => {
    expect(incoming({ from: '4911111111@s.whatsapp.net' })).toMatchObject({
      chat: { phone: '4911111111' },
      isFromMe: true,
    })
  })
})

describe('a message in a group', () => {
  test('has the group for a chat and the person for an author, by both names', () => {
    const attrs = {
      from: GROUP,
      participant: '12345:2@lid',
      participant_pn: '4922222222@s.whatsapp.net',
      addressing_mode: 'lid',
    }
    expect(readIncoming(message(attrs), me)).toMatchObject({
      author: '12345:2@lid',
      incoming: { chat: GROUP, author: { phone: '4922222222', lid: '12345' }, isFromMe: false },
    })
  })
  test('by phone, with the hidden id beside', () => {
    const attrs = { from: GROUP, participant: '4922222222@s.whatsapp.net', participant_lid: '12345@lid' }
    expect(incoming(attrs).author).toEqual({ phone: '4922222222', lid: '12345' })
  })
  test('that the account wrote itself, by either name', () => {
    expect(incoming({ from: GROUP, participant: '4911111111:2@s.whatsapp.net' })).toMatchObject({
      chat: GROUP,
      isFromMe: true,
    })
    expect(incoming({ from: GROUP, participant: '99999:2@lid' })).toMatchObject({ chat: GROUP, isFromMe: true })
  })
})

test('a status has the list for a chat and the person for an author', () => {
  const attrs = { from: 'status@broadcast', participant: '4922222222@s.whatsapp.net' }
  expect(incoming(attrs)).toMatchObject({ chat: 'status@broadcast', author: { phone: '4922222222' } })
})

test('a newsletter has no author', () => {
  expect(incoming({ from: '120363012345@newsletter' })).toMatchObject({ chat: '120363012345@newsletter', author: null })
})

describe('what is no message is refused, not guessed', () => {
  const malformed: [what: string, attrs: Record<string, string>][] = [
    ['no sender', {}],
    ['an empty id', { id: '', from: '4922222222@s.whatsapp.net' }],
    ['a group without a participant', { from: GROUP }],
    ['a status without a participant', { from: 'status@broadcast' }],
    [
      'a recipient in what the account did not write',
      { from: '4922222222@s.whatsapp.net', recipient: '4933333333@s.whatsapp.net' },
    ],
    ['an address of no known kind', { from: 'x@nowhere' }],
    ['no address at all', { from: 'nonsense' }],
  ]
  for (const [what, attrs] of malformed) test(what, () => expect(() => readIncoming(message(attrs), me)).toThrow())
  test('before an account is known too', () => {
    expect(
      readIncoming(message({ from: '4922222222@s.whatsapp.net' }), { id: '', lid: undefined }).incoming,
    ).toMatchObject({
      isFromMe: false,
      chat: { phone: '4922222222' },
    })
  })
})

describe('receipts', () => {
  const receipt = (attrs: Record<string, string>, content?: NonNullable<BinaryNode['content']>) => {
    const node: BinaryNode = {
      tag: 'receipt',
      attrs: { id: 'A', from: '4922222222@s.whatsapp.net', t: '1700000000', ...attrs },
    }
    return readReceipt(content === undefined ? node : { ...node, content }, me)
  }
  const item = (id: string): BinaryNode => ({ tag: 'item', attrs: { id } })

  for (const [type, step] of [
    [undefined, 'delivered'],
    ['inactive', 'delivered'],
    ['read', 'read'],
    ['played', 'played'],
  ] as const) {
    test(`of type ${type ?? 'none'} say ${step}`, () => {
      expect(receipt(type ? { type } : {})).toEqual({
        ids: ['A'],
        chat: { phone: '4922222222', lid: undefined },
        by: null,
        step,
        timestamp: 1_700_000_000_000,
      })
    })
  }
  for (const type of [
    'retry',
    'sender',
    'server-error',
    'hist_sync',
    'peer_msg',
    'enc_rekey_retry',
    '__proto__',
    'constructor',
  ]) {
    test(`of type ${type} say nothing that users hear of`, () => expect(receipt({ type })).toBeUndefined())
  }
  test('speak of several messages in a list', () => {
    const list: BinaryNode = {
      tag: 'list',
      attrs: {},
      content: [item('B'), { tag: 'other', attrs: { id: 'X' } }, item('C')],
    }
    expect(receipt({ type: 'read' }, [list])).toMatchObject({ ids: ['A', 'B', 'C'], step: 'read' })
  })
  test('with an item that has no id are still read', () => {
    const list: BinaryNode = { tag: 'list', attrs: {}, content: [{ tag: 'item', attrs: {} }, item('C')] }
    expect(receipt({}, [list])).toMatchObject({ ids: ['A', 'C'] })
  })
  test('in a group belong to the group', () => {
    expect(receipt({ from: GROUP, participant: '12345:3@lid', type: 'read' })).toMatchObject({
      chat: GROUP,
      by: { lid: '12345' },
      step: 'read',
    })
  })
  test('by hidden id', () => {
    expect(receipt({ from: '12345:3@lid' })).toMatchObject({ chat: { phone: undefined, lid: '12345' }, by: null })
  })

  describe('of an own device', () => {
    for (const from of ['4911111111:2@s.whatsapp.net', '99999@lid']) {
      for (const type of ['read', 'read-self']) {
        test(`(${from}, ${type}) say that a chat was read there`, () => {
          expect(receipt({ from, type, recipient: '4922222222@s.whatsapp.net' })).toEqual({
            readElsewhere: { phone: '4922222222', lid: undefined },
          })
        })
        test(`(${from}, ${type}) say so of groups`, () => {
          expect(receipt({ from: GROUP, participant: from, type })).toEqual({ readElsewhere: GROUP })
        })
      }
    }
    test('that it was delivered there says nothing: nobody else has it', () => {
      expect(receipt({ from: '4911111111:2@s.whatsapp.net', recipient: '4922222222@s.whatsapp.net' })).toBeUndefined()
      expect(receipt({ from: GROUP, participant: '99999:2@lid' })).toBeUndefined()
      expect(receipt({ from: '4911111111:2@s.whatsapp.net', type: 'sender' })).toBeUndefined()
    })
    test('of a chat with oneself says nothing', () => {
      expect(receipt({ from: '4911111111@s.whatsapp.net', type: 'read' })).toBeUndefined()
    })
  })

  test('that are malformed say nothing', () => {
    expect(readReceipt({ tag: 'receipt', attrs: {} }, me)).toBeUndefined()
    expect(readReceipt({ tag: 'receipt', attrs: { id: 'A', from: 'nonsense' } }, me)).toBeUndefined()
    expect(readReceipt({ tag: 'receipt', attrs: { id: 'A', from: 's.whatsapp.net' } }, me)).toBeUndefined()
    expect(receipt({}, 'no list')).toMatchObject({ ids: ['A'] })
    expect(receipt({}, new Uint8Array([1]))).toMatchObject({ ids: ['A'] })
  })
})

describe('parties', () => {
  test('are people by both names, or ids of something else', () => {
    expect(toParty('4922222222@s.whatsapp.net', '12345@lid')).toEqual({ phone: '4922222222', lid: '12345' })
    expect(toParty('12345@lid', '4922222222@s.whatsapp.net')).toEqual({ phone: '4922222222', lid: '12345' })
    expect(toParty('12345@lid', '77777@lid')).toEqual({ phone: undefined, lid: '12345' })
    expect(toParty(GROUP, '12345@lid')).toBe(GROUP)
    expect(toParty(null, '12345@lid')).toBeUndefined()
    expect(toParty('s.whatsapp.net', undefined)).toBeUndefined()
  })
})

describe('times', () => {
  test('are seconds on the wire', () => {
    expect(secondsToMs('1700000000')).toBe(1_700_000_000_000)
    expect(secondsToMs(1_700_000_000)).toBe(1_700_000_000_000)
  })
  test('that are missing or nonsense are now', () => {
    for (const seconds of [undefined, '', '0', '-5', 'soon', Number.NaN, '1e999', '1e306']) {
      const before = Date.now()
      expect(secondsToMs(seconds), String(seconds)).toBeGreaterThanOrEqual(before)
      expect(secondsToMs(seconds), String(seconds)).toBeLessThanOrEqual(Date.now())
    }
  })
})

describe('a group notification', () => {
  const from = '120363000000000001@g.us'
  const notice = (content: BinaryNode[], attrs: BinaryNode['attrs'] = {}): BinaryNode => ({
    tag: 'notification',
    attrs: { from, type: 'w:gp2', id: '1', ...attrs },
    content,
  })
  test('says the name of a group that was made, or was named anew', () => {
    const group = { tag: 'group', attrs: { id: '120363000000000001', subject: 'Familie' } }
    expect(readGroupName(notice([{ tag: 'create', attrs: {}, content: [group] }]))).toEqual({
      group: from,
      name: 'Familie',
    })
    expect(readGroupName(notice([{ tag: 'subject', attrs: { subject: 'Verein' } }]))).toEqual({
      group: from,
      name: 'Verein',
    })
  })
  test('of another kind says none', () => {
    expect(readGroupName(notice([{ tag: 'add', attrs: {} }]))).toBeUndefined()
    expect(readGroupName(notice([{ tag: 'subject', attrs: { subject: 'x' } }], { type: 'picture' }))).toBeUndefined()
    expect(
      readGroupName(notice([{ tag: 'subject', attrs: { subject: 'x' } }], { from: '491@s.whatsapp.net' })),
    ).toBeUndefined()
    expect(readGroupName({ tag: 'notification', attrs: {} })).toBeUndefined()
  })
})
