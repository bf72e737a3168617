import { randomBytes } from 'node:crypto'
import { proto } from '@whiskeysockets/baileys'

/** Longer texts are refused by WhatsApp's own clients. */
export const LONGEST_TEXT = 65_536

/** A message id of wamux's: WhatsApp's Web clients begin theirs with 3EB0. */
export const newMessageId = (): string => `3EB0${randomBytes(9).toString('hex').toUpperCase()}`

/** The final protobuf of a text. A link in it is not looked up: nothing is fetched on behalf of a message. */
export function writeText(text: string): Uint8Array {
  return proto.Message.encode(proto.Message.create({ extendedTextMessage: { text } })).finish()
}
