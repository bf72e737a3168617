import { generateWAMessageContent, proto, type WAMessageContent } from '@whiskeysockets/baileys'
import { describe, expect, test } from 'vitest'
import { relayOptions } from '../../src/whatsapp/relay.ts'
import { type Content, writeContent } from '../../src/whatsapp/write-message.ts'

const NOW = 1_700_000_000_000
const PERSON = '491234567890@c.us'
const GROUP = '120363000000000000@g.us'
const JID = '491234567890@s.whatsapp.net'
const mine = { remoteJid: JID, id: 'A1', fromMe: true }
const theirs = { remoteJid: GROUP, id: 'B1', fromMe: false, participant: JID }

/** What Baileys writes for the same; it makes up times and secrets by itself. */
type Told = Parameters<typeof generateWAMessageContent>[0]
const baileys = async (told: Told) => plain(await generateWAMessageContent(told, { jid: JID } as never))

/** Without what is of the moment. */
function plain(message: WAMessageContent | Uint8Array) {
  const bytes = message instanceof Uint8Array ? message : proto.Message.encode(message).finish()
  const { messageContextInfo, ...rest } = proto.Message.decode(bytes).toJSON() as Record<string, object | undefined>
  const { messageSecret: _, ...context } = (messageContextInfo ?? {}) as { messageSecret?: string }
  const isOfMoment = /"(timestampMs|senderTimestampMs)":"\d+",?/g
  return [JSON.stringify(rest).replace(isOfMoment, '').replaceAll(',}', '}'), context]
}

describe('what is sent besides texts is what Baileys would send', () => {
  const contents: [string, Content, string, Told, object][] = [
    [
      'a reaction',
      { kind: 'reaction', to: { id: 'A1', author: 'me' }, emoji: '👍' },
      PERSON,
      { react: { key: mine, text: '👍' } },
      {},
    ],
    [
      "a deletion of one's own",
      { kind: 'deletion', of: { id: 'A1', author: 'me' } },
      PERSON,
      { delete: mine },
      { additionalAttributes: { edit: '7' } },
    ],
    [
      'a deletion by an admin',
      { kind: 'deletion', of: { id: 'B1', author: PERSON } },
      GROUP,
      { delete: theirs },
      { additionalAttributes: { edit: '8' } },
    ],
    [
      'an edit',
      { kind: 'edit', of: { id: 'A1', author: 'me' }, text: 'neu' },
      PERSON,
      { text: 'neu', edit: mine },
      { additionalAttributes: { edit: '1' } },
    ],
    [
      'a pin',
      { kind: 'pin', of: { id: 'B1', author: PERSON }, forSeconds: 86_400 },
      GROUP,
      { pin: theirs, type: proto.PinInChat.Type.PIN_FOR_ALL, time: 86_400 },
      { additionalAttributes: { edit: '2' } },
    ],
    [
      'a poll',
      { kind: 'poll', question: 'Wann?', options: ['heute', 'morgen'], picks: 1 },
      GROUP,
      { poll: { name: 'Wann?', values: ['heute', 'morgen'], selectableCount: 1 } },
      { additionalNodes: [{ tag: 'meta', attrs: { polltype: 'creation' } }] },
    ],
    [
      'a poll of which one may pick several',
      { kind: 'poll', question: 'Wann?', options: ['heute', 'morgen'], picks: 2 },
      GROUP,
      { poll: { name: 'Wann?', values: ['heute', 'morgen'], selectableCount: 2 } },
      { additionalNodes: [{ tag: 'meta', attrs: { polltype: 'creation' } }] },
    ],
  ]
  test.each(contents)('%s', async (_, content, chat, told, options) => {
    const { body, relay } = writeContent(content, chat, NOW)
    expect(plain(body)).toEqual(await baileys(told))
    expect(relayOptions(JSON.stringify(relay))).toEqual(options)
  })
})

test('a poll has a secret that its votes are sealed with', () => {
  const poll = () =>
    writeContent({ kind: 'poll', question: 'Wann?', options: ['heute', 'morgen'], picks: 1 }, GROUP, NOW)
  const secretOf = () => proto.Message.decode(poll().body).messageContextInfo?.messageSecret
  expect(secretOf()).toHaveLength(32)
  expect(secretOf()).not.toEqual(secretOf())
})

test('who is to see a status is kept by public ids', () => {
  expect(relayOptions(JSON.stringify({ audience: [PERSON] }))).toEqual({ statusJidList: [JID] })
})
