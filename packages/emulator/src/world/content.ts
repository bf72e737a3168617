import { getContentType, normalizeMessageContent, proto } from '@whiskeysockets/baileys'

/** What kind of message it is, in one word that a test can compare. */
export function typeOf(message: proto.IMessage): string {
  const content = normalizeMessageContent(message)
  const protocol = content?.protocolMessage
  if (protocol?.editedMessage) return 'edit'
  if (protocol) return protocol.type === proto.Message.ProtocolMessage.Type.REVOKE ? 'revoke' : 'protocol'
  const key = getContentType(content)
  if (!key) return 'empty'
  if (key === 'conversation' || key === 'extendedTextMessage') return 'text'
  return key.replace(/(Creation)?Message(V\d)?$/, '')
}

/** The words in it: text, caption, emoji of a reaction, question of a poll. Empty when there are none. */
export function textIn(message: proto.IMessage): string {
  const content = normalizeMessageContent(message)
  if (!content) return ''
  const edited = content.protocolMessage?.editedMessage
  if (edited) return textIn(edited)
  return (
    content.conversation ||
    content.extendedTextMessage?.text ||
    content.imageMessage?.caption ||
    content.videoMessage?.caption ||
    content.documentMessage?.caption ||
    content.reactionMessage?.text ||
    content.pollCreationMessage?.name ||
    content.pollCreationMessageV3?.name ||
    ''
  )
}

/** Only housekeeping between devices: nothing that a person would see in a chat. */
export function isSilent(message: proto.IMessage): boolean {
  const content = normalizeMessageContent(message)
  const protocol = content?.protocolMessage
  if (protocol) return !protocol.editedMessage && (protocol.key?.id ?? '') === ''
  return getContentType(content) === undefined
}
