import { invalid, WamuxError } from './errors.ts'

/**
 * Public chat ids: `491234567890@c.us`, `…@lid`, `…@g.us`, `…@newsletter`, `status@broadcast`. This file is the only one
 * that takes them apart. WhatsApp's own spelling is known to `whatsapp/jid.ts` alone.
 */
export type ChatKind = 'person' | 'lid' | 'group' | 'newsletter' | 'status'

const KINDS: readonly [ChatKind, RegExp][] = [
  ['person', /^[1-9]\d{6,14}@c\.us$/],
  ['lid', /^\d{5,20}@lid$/],
  ['group', /^\d{5,25}(-\d{5,20})?@g\.us$/],
  ['newsletter', /^\d{5,25}@newsletter$/],
  ['status', /^status@broadcast$/],
]

/** What kind of chat an id names, or undefined when it is no chat id. */
export function chatKind(chatId: string): ChatKind | undefined {
  return KINDS.find(([, pattern]) => pattern.test(chatId))?.[0]
}

export function userOf(chatId: string): string {
  return chatId.slice(0, chatId.indexOf('@'))
}

export const phoneChat = (phone: string): string => `${phone}@c.us`
export const lidChat = (lid: string): string => `${lid}@lid`

export interface Recipient {
  chatId: string
  /** How an answer shows it: digits for a person, the chat id for a hidden id or a group. */
  phone: string
}

/**
 * Reads what a caller gives as `phone`: digits, `+49 491 …` with blanks, hyphens or brackets, `…@c.us`, `…@lid`, `…@g.us`.
 * @throws INVALID_INPUT naming `path`
 */
export function parseRecipient(input: unknown, path = 'phone'): Recipient {
  if (typeof input !== 'string') throw invalid(path, 'must be a string of digits, international, without a plus.')
  const text = input.trim()
  if (text.includes('@')) {
    const kind = chatKind(text)
    if (kind === 'person') return { chatId: text, phone: userOf(text) }
    if (kind === 'lid' || kind === 'group') return { chatId: text, phone: text }
    throw invalid(path, 'must be a phone number or an id that ends in @c.us, @lid or @g.us.')
  }
  const digits = text.replace(/^\+/, '').replace(/[\s\-()]/g, '')
  if (!/^\d+$/.test(digits)) throw invalid(path, 'must hold digits only; blanks, hyphens and brackets are ignored.')
  if (digits.startsWith('0')) throw invalid(path, 'must start with the country code, not with 0.')
  if (digits.length < 7 || digits.length > 15) throw invalid(path, 'must have 7 to 15 digits.')
  return { chatId: phoneChat(digits), phone: digits }
}

/** A person, for routes that ask about one. @throws INVALID_INPUT naming `path` */
export function parsePerson(input: unknown, path = 'phone'): Recipient {
  const recipient = parseRecipient(input, path)
  if (chatKind(recipient.chatId) === 'group') throw invalid(path, 'must be a person, not a group.')
  return recipient
}

/** Reads a chat id from a path; bare digits are a person. @throws INVALID_CHAT_ID */
export function parseChatId(input: string): string {
  if (chatKind(input)) return input
  if (/^[1-9]\d{6,14}$/.test(input)) return phoneChat(input)
  throw new WamuxError('INVALID_CHAT_ID', `${JSON.stringify(input)} is not a chat id.`, { chatId: input })
}
