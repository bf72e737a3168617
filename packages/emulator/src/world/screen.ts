import { normalizeMessageContent } from '@whiskeysockets/baileys'
import { typeOf } from '../content/reading.ts'
import type { Past } from './past.ts'

/** What changes other messages, or belongs to them, and is no line of its own in a chat. */
const ASIDE = new Set(['answer', 'empty', 'encReaction', 'keep', 'pin', 'protocol', 'reaction', 'vote'])

/**
 * Messages in the order of their arrival, as a phone shows them in the end: edited ones with their last words, deleted
 * ones no more.
 */
export function asShown(messages: readonly Past[]): Past[] {
  const shown = new Map<string, Past>()
  const changes: Past[] = []
  for (const past of messages) {
    const type = typeOf(past.message)
    if (type === 'edit' || type === 'revoke') changes.push(past)
    else if (!ASIDE.has(type)) shown.set(`${past.chat} ${past.id}`, past)
  }
  // Afterwards: what changes a message may bear the time of the message itself.
  for (const { author, chat, message } of changes) {
    const change = normalizeMessageContent(message)?.protocolMessage
    const target = `${chat} ${change?.key?.id ?? ''}`
    const old = shown.get(target)
    if (!change?.editedMessage) shown.delete(target)
    else if (old?.author === author) shown.set(target, { ...old, message: change.editedMessage })
  }
  return [...shown.values()]
}
