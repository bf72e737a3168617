import { proto } from '@whiskeysockets/baileys'
import { describe, expect, test } from 'vitest'
import { type Content, decodePlaintext, readBody, readContent } from '../../src/whatsapp/read-message.ts'
import { LONGEST_TEXT, newMessageId, writeText } from '../../src/whatsapp/write-message.ts'

const bytes = new Uint8Array([1, 2, 3])
const key = { id: 'A', remoteJid: '4915@s.whatsapp.net' }
const { Type } = proto.Message.ProtocolMessage

describe('what users are told', () => {
  const rows: [what: string, message: proto.IMessage, type: Content['type'], body: string][] = [
    ['a text', { conversation: 'Hallo' }, 'text', 'Hallo'],
    ['a text with a link or a quote', { extendedTextMessage: { text: 'Hallo' } }, 'text', 'Hallo'],
    ['an empty text', { extendedTextMessage: { text: '' } }, 'text', ''],
    ['a picture', { imageMessage: { caption: 'Me' } }, 'image', 'Me'],
    ['a picture without a caption', { imageMessage: {} }, 'image', ''],
    ['a video', { videoMessage: { caption: 'Us' } }, 'video', 'Us'],
    ['a round video', { ptvMessage: {} }, 'video', ''],
    ['a song', { audioMessage: {} }, 'audio', ''],
    ['a voice message', { audioMessage: { ptt: true } }, 'voice', ''],
    ['a document', { documentMessage: { caption: 'Bill', fileName: 'x.pdf' } }, 'document', 'Bill'],
    [
      'a document with a caption of its own',
      { documentWithCaptionMessage: { message: { documentMessage: { caption: 'Bill' } } } },
      'document',
      'Bill',
    ],
    ['a sticker', { stickerMessage: {} }, 'sticker', ''],
    ['a place', { locationMessage: { name: 'Here' } }, 'location', 'Here'],
    ['a place with a comment', { locationMessage: { comment: 'Come' } }, 'location', 'Come'],
    ['a live place', { liveLocationMessage: { caption: 'Driving' } }, 'location', 'Driving'],
    ['a contact', { contactMessage: { displayName: 'Ada' } }, 'contact', 'Ada'],
    ['contacts', { contactsArrayMessage: { displayName: '2 contacts' } }, 'contact', '2 contacts'],
    ['a poll', { pollCreationMessage: { name: 'When?' } }, 'poll', 'When?'],
    ['a poll of the second kind', { pollCreationMessageV2: { name: 'When?' } }, 'poll', 'When?'],
    ['a poll of the third kind', { pollCreationMessageV3: { name: 'When?' } }, 'poll', 'When?'],
    ['an event', { eventMessage: { name: 'Party' } }, 'event', 'Party'],
    ['a pressed button', { buttonsResponseMessage: { selectedDisplayText: 'Yes' } }, 'text', 'Yes'],
    ['a pressed template button', { templateButtonReplyMessage: { selectedDisplayText: 'No' } }, 'text', 'No'],
    ['a chosen list item', { listResponseMessage: { title: 'Pizza' } }, 'text', 'Pizza'],
    ['a message that disappears', { ephemeralMessage: { message: { conversation: 'Psst' } } }, 'text', 'Psst'],
    [
      'a picture to be seen once',
      { viewOnceMessage: { message: { imageMessage: { caption: 'Once' } } } },
      'image',
      'Once',
    ],
    [
      'a picture to be seen once, in its second form',
      { viewOnceMessageV2: { message: { imageMessage: {} } } },
      'image',
      '',
    ],
    [
      'what was written on another device',
      { deviceSentMessage: { message: { conversation: 'Mine' } } },
      'text',
      'Mine',
    ],
    [
      'a disappearing message of another device',
      { deviceSentMessage: { message: { ephemeralMessage: { message: { extendedTextMessage: { text: 'Mine' } } } } } },
      'text',
      'Mine',
    ],
    [
      'a text that also hands out a sender key',
      {
        conversation: 'Hallo',
        senderKeyDistributionMessage: { groupId: 'g', axolotlSenderKeyDistributionMessage: bytes },
      },
      'text',
      'Hallo',
    ],
    ['what nobody has taught wamux yet', { productMessage: {} }, 'unknown', ''],
  ]
  for (const [what, message, type, body] of rows) {
    test(what, () => expect(readContent(message)).toEqual({ kind: 'message', type, body }))
    test(`${what}, from the wire`, () => {
      const decoded = proto.Message.decode(proto.Message.encode(message).finish())
      expect(readContent(decoded)).toEqual({ kind: 'message', type, body })
    })
  }
})

describe('what has events of its own, or is WhatsApp’s business', () => {
  const rows: [what: string, message: proto.IMessage | null | undefined, kind: Content['kind']][] = [
    ['a reaction', { reactionMessage: { key, text: '👍' } }, 'reaction'],
    ['a reaction in a community', { encReactionMessage: { encPayload: bytes } }, 'reaction'],
    ['an edit', { protocolMessage: { type: Type.MESSAGE_EDIT, key, editedMessage: { conversation: 'x' } } }, 'edit'],
    ['an encrypted edit', { secretEncryptedMessage: { encPayload: bytes } }, 'edit'],
    ['a deletion', { protocolMessage: { type: Type.REVOKE, key } }, 'deletion'],
    ['a vote', { pollUpdateMessage: { pollCreationMessageKey: key } }, 'vote'],
    ['an answer to an event', { encEventResponseMessage: { encPayload: bytes } }, 'vote'],
    ['keys for the app state', { protocolMessage: { type: Type.APP_STATE_SYNC_KEY_SHARE } }, 'protocol'],
    ['a piece of history', { protocolMessage: { type: Type.HISTORY_SYNC_NOTIFICATION } }, 'protocol'],
    ['another time to disappear', { protocolMessage: { type: Type.EPHEMERAL_SETTING } }, 'protocol'],
    ['a pin', { pinInChatMessage: { key } }, 'protocol'],
    ['a keep', { keepInChatMessage: { key } }, 'protocol'],
    ['a sender key alone', { senderKeyDistributionMessage: { groupId: 'g' } }, 'nothing'],
    ['the context alone', { messageContextInfo: { deviceListMetadataVersion: 2 } }, 'nothing'],
    ['an empty message', {}, 'nothing'],
    ['an empty conversation', { conversation: '' }, 'nothing'],
    ['null', null, 'nothing'],
    ['nothing at all', undefined, 'nothing'],
  ]
  for (const [what, message, kind] of rows) {
    test(what, () => expect(readContent(message)).toEqual({ kind, type: 'unknown', body: '' }))
    if (message)
      test(`${what}, from the wire`, () =>
        expect(readContent(proto.Message.decode(proto.Message.encode(message).finish())).kind).toBe(kind))
  }
})

test('every kind of content that WhatsApp knows is read without a throw', () => {
  for (const field of Object.keys(proto.Message.prototype)) {
    // Each field with an empty value of its kind: the reader must not rely on what a stranger fills in.
    const message = proto.Message.fromObject({ [field]: {} })
    expect(() => readContent(message), field).not.toThrow()
  }
})

describe('padding', () => {
  const encoded = proto.Message.encode({ conversation: 'Hallo' }).finish()
  const padded = (length: number, value = length) => Buffer.concat([encoded, Buffer.alloc(length, value)])
  for (let length = 1; length <= 16; length++) {
    test(`of ${length} is taken off`, () => expect(decodePlaintext(padded(length)).conversation).toBe('Hallo'))
  }
  test('that is missing, zero, or longer than the plaintext is refused', () => {
    expect(() => decodePlaintext(new Uint8Array())).toThrow('not padded')
    expect(() => decodePlaintext(padded(1, 0))).toThrow('not padded')
    expect(() => decodePlaintext(new Uint8Array([5, 5]))).toThrow('not padded')
  })
  test('alone is an empty message', () => {
    expect(readContent(decodePlaintext(new Uint8Array([3, 3, 3]))).kind).toBe('nothing')
  })
  test('around what is no message is refused', () => {
    expect(() => decodePlaintext(new Uint8Array([0xff, 0xff, 0xff, 0xff, 1]))).toThrow()
  })
})

describe('own messages', () => {
  test('are read back as they were written', () => {
    for (const text of ['Hallo', 'https://example.org', '🙂'.repeat(1_000), 'x'.repeat(LONGEST_TEXT), ' '])
      expect(readBody(writeText(text))).toMatchObject({ type: 'text', body: text })
  })
  test('get ids that look like those of WhatsApp Web, each its own', () => {
    const ids = Array.from({ length: 1_000 }, newMessageId)
    expect(new Set(ids).size).toBe(1_000)
    for (const id of ids) expect(id).toMatch(/^3EB0[0-9A-F]{18}$/)
  })
})
