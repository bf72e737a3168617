import { randomBytes } from 'node:crypto'
import { proto } from '@whiskeysockets/baileys'
import { toJid } from './jid.ts'
import type { Relay } from './relay.ts'

/** Longer texts are refused by WhatsApp's own clients. */
export const LONGEST_TEXT = 65_536

/** A message id of wamux's: WhatsApp's Web clients begin theirs with 3EB0. */
export const newMessageId = (): string => `3EB0${randomBytes(9).toString('hex').toUpperCase()}`

/** A message that is there, as one of ours speaks of it. */
export interface Target {
  id: string
  /** Who wrote it: `me`, or the chat id of a person. */
  author: string
}

/** What is sent besides texts. */
export type Content =
  | { kind: 'edit'; of: Target; text: string }
  | { kind: 'deletion'; of: Target }
  | { kind: 'reaction'; to: Target; emoji: string }
  | { kind: 'pin'; of: Target; forSeconds: number }
  | { kind: 'poll'; question: string; options: readonly string[]; picks: number }

/** What is fixed when a message is accepted, and never made again. */
export interface Written {
  body: Uint8Array
  relay: Relay
}

const { REVOKE, MESSAGE_EDIT } = proto.Message.ProtocolMessage.Type
const SECRET_BYTES = 32

/** The final protobuf of `content` in a chat, and what goes beside it. */
export function writeContent(content: Content, chatId: string, now: number): Written {
  const write = (message: proto.IMessage, relay: Relay = {}): Written => ({
    body: proto.Message.encode(proto.Message.create(message)).finish(),
    relay,
  })
  switch (content.kind) {
    case 'edit': {
      const editedMessage = { extendedTextMessage: { text: content.text } }
      const key = keyOf(content.of, chatId)
      return write({ protocolMessage: { key, type: MESSAGE_EDIT, editedMessage, timestampMs: now } }, { edit: '1' })
    }
    case 'deletion': {
      // Of what others wrote, only an admin can take anything back.
      const edit = content.of.author === 'me' ? '7' : '8'
      return write({ protocolMessage: { key: keyOf(content.of, chatId), type: REVOKE } }, { edit })
    }
    case 'reaction':
      return write({
        reactionMessage: { key: keyOf(content.to, chatId), text: content.emoji, senderTimestampMs: now },
      })
    case 'pin': {
      const pinInChatMessage = {
        key: keyOf(content.of, chatId),
        type: proto.Message.PinInChatMessage.Type.PIN_FOR_ALL,
        senderTimestampMs: now,
      }
      const messageContextInfo = { messageAddOnDurationInSecs: content.forSeconds }
      return write({ pinInChatMessage, messageContextInfo }, { edit: '2' })
    }
    case 'poll': {
      const options = content.options.map((optionName) => ({ optionName }))
      const poll = { name: content.question, options, selectableOptionsCount: content.picks }
      // Votes are sealed with it.
      const messageContextInfo = { messageSecret: randomBytes(SECRET_BYTES) }
      const message = content.picks === 1 ? { pollCreationMessageV3: poll } : { pollCreationMessage: poll }
      return write({ ...message, messageContextInfo }, { meta: { polltype: 'creation' } })
    }
  }
}

function keyOf({ id, author }: Target, chatId: string): proto.IMessageKey {
  const fromMe = author === 'me'
  const isOthersInGroup = !fromMe && author !== chatId
  return { remoteJid: toJid(chatId), id, fromMe, ...(isOthersInGroup && { participant: toJid(author) }) }
}

/** The final protobuf of a text. A link in it is not looked up: nothing is fetched on behalf of a message. */
export function writeText(text: string): Uint8Array {
  return proto.Message.encode(proto.Message.create({ extendedTextMessage: { text } })).finish()
}
