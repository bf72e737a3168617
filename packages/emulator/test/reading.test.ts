import { proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { isSilent, textIn, typeOf } from '../src/content/reading.ts'
import { el } from '../src/stream/nodes.ts'
import { toXml } from '../src/stream/xml.ts'
import { parseJid, toPhone } from '../src/world/jids.ts'

const { Type } = proto.Message.ProtocolMessage

test.each<[string, string, boolean, proto.IMessage]>([
  ['text', 'Hallo', false, { conversation: 'Hallo' }],
  ['text', 'Hallo', false, { extendedTextMessage: { text: 'Hallo' }, messageContextInfo: {} }],
  ['image', 'Foto', false, { imageMessage: { caption: 'Foto' } }],
  ['audio', '', false, { audioMessage: { ptt: true } }],
  ['document', '', false, { documentMessage: { fileName: 'a.pdf' } }],
  ['reaction', '👍', false, { reactionMessage: { text: '👍' } }],
  ['poll', 'Wann?', false, { pollCreationMessageV3: { name: 'Wann?' } }],
  ['revoke', '', false, { protocolMessage: { type: Type.REVOKE, key: { id: 'A' } } }],
  ['edit', 'neu', false, { protocolMessage: { type: Type.MESSAGE_EDIT, editedMessage: { conversation: 'neu' } } }],
  ['protocol', '', true, { protocolMessage: { type: Type.APP_STATE_SYNC_KEY_SHARE } }],
  ['empty', '', true, { senderKeyDistributionMessage: { groupId: 'x@g.us' } }],
  ['text', 'weg', false, { ephemeralMessage: { message: { conversation: 'weg' } } }],
])('a message of type %s with the text "%s" (silent: %s)', (type, text, silent, message) => {
  expect([typeOf(message), textIn(message), isSilent(message)]).toEqual([type, text, silent])
})

test('a stanza is printed so that a person can read it', () => {
  const node = el('iq', { id: "it's", type: 'get', to: undefined }, [
    el('ref', {}, Buffer.from('readable & short')),
    el('key', {}, Buffer.alloc(40, 255)),
    el('active'),
  ])
  expect(toXml(node)).toBe(
    [
      "<iq id='it&apos;s' type='get'>",
      '  <ref>readable &amp; short</ref>',
      `  <key>${'ff'.repeat(32)}… (40 bytes)</key>`,
      '  <active/>',
      '</iq>',
    ].join('\n'),
  )
})

test('addresses are taken apart', () => {
  expect(parseJid('4915100001:3@s.whatsapp.net')).toEqual({ user: '4915100001', device: 3, kind: 'pn' })
  expect(parseJid('1163@lid')).toEqual({ user: '1163', device: 0, kind: 'lid' })
  expect(parseJid('@s.whatsapp.net')).toMatchObject({ kind: 'server' })
  expect(parseJid('1203@g.us')).toMatchObject({ kind: 'group' })
  expect(parseJid('nonsense')).toBeUndefined()
  expect(toPhone('+49 (151) 000-01')).toBe('4915100001')
  for (const wrong of ['', 'abc', '0151 00001', '123456', '1234567890123456'])
    expect(() => toPhone(wrong)).toThrow(TypeError)
})
