import { getContentType, normalizeMessageContent, proto } from '@whiskeysockets/baileys'

const NAMES: Record<string, string> = {
  conversation: 'text',
  extendedTextMessage: 'text',
  pollUpdateMessage: 'vote',
  encEventResponseMessage: 'answer',
  pinInChatMessage: 'pin',
  keepInChatMessage: 'keep',
  contactMessage: 'card',
  contactsArrayMessage: 'cards',
}

/** What kind of message it is, in one word that a test can compare. */
export function typeOf(message: proto.IMessage): string {
  const content = normalizeMessageContent(message)
  const protocol = content?.protocolMessage
  if (protocol?.editedMessage) return 'edit'
  if (protocol) return protocol.type === proto.Message.ProtocolMessage.Type.REVOKE ? 'revoke' : 'protocol'
  const key = getContentType(content)
  if (!key) return 'empty'
  return NAMES[key] ?? key.replace(/(Creation)?Message(V\d)?$/, '')
}

/**
 * The words in it: text, caption, emoji of a reaction, question of a poll, name of an event, a card or a place, the
 * button that was pressed. Empty when there are none.
 */
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
    pollIn(content)?.name ||
    content.eventMessage?.name ||
    content.contactMessage?.displayName ||
    content.contactsArrayMessage?.displayName ||
    content.locationMessage?.name ||
    content.liveLocationMessage?.caption ||
    content.groupInviteMessage?.caption ||
    pressedIn(content) ||
    offeredIn(content) ||
    ''
  )
}

function pressedIn(content: proto.IMessage): string | null | undefined {
  return (
    content.buttonsResponseMessage?.selectedDisplayText ||
    content.templateButtonReplyMessage?.selectedDisplayText ||
    content.listResponseMessage?.title ||
    content.interactiveResponseMessage?.body?.text
  )
}

function offeredIn(content: proto.IMessage): string | null | undefined {
  return (
    content.buttonsMessage?.contentText ||
    content.listMessage?.description ||
    content.listMessage?.title ||
    content.interactiveMessage?.body?.text ||
    content.templateMessage?.hydratedTemplate?.hydratedContentText
  )
}

export function pollIn(message: proto.IMessage): proto.Message.IPollCreationMessage | undefined {
  const content = normalizeMessageContent(message)
  return content?.pollCreationMessage ?? content?.pollCreationMessageV2 ?? content?.pollCreationMessageV3 ?? undefined
}

/** What a message says about others, and about itself. */
export interface Remarks {
  /** Id of the message that it edits, takes back, reacts to, votes on, answers, pins or belongs to. */
  readonly concerns: string | undefined
  /** Id of the message that it quotes. */
  readonly quotes: string | undefined
  /** JIDs as they stand in it. */
  readonly mentions: readonly string[]
  readonly isForwarded: boolean
  readonly isViewOnce: boolean
}

export function remarksIn(message: proto.IMessage): Remarks {
  const content = normalizeMessageContent(message) ?? {}
  const context = contextIn(content)
  return {
    concerns: keyIn(content)?.id ?? undefined,
    quotes: context?.stanzaId || undefined,
    mentions: context?.mentionedJid ?? [],
    isForwarded: context?.isForwarded === true,
    isViewOnce: isViewOnce(message, content),
  }
}

/** The key by which a message names the one that it is about. */
export function keyIn(content: proto.IMessage): proto.IMessageKey | null | undefined {
  return (
    content.protocolMessage?.key ??
    content.reactionMessage?.key ??
    content.pollUpdateMessage?.pollCreationMessageKey ??
    content.encEventResponseMessage?.eventCreationMessageKey ??
    content.pinInChatMessage?.key ??
    content.keepInChatMessage?.key ??
    content.messageContextInfo?.messageAssociation?.parentMessageKey
  )
}

function contextIn(content: proto.IMessage): proto.IContextInfo | null | undefined {
  const kind = getContentType(content)
  const inner = kind && content[kind]
  // Of the contents that are objects, those that can quote have a contextInfo.
  return typeof inner === 'object' ? (inner as { contextInfo?: proto.IContextInfo | null }).contextInfo : undefined
}

function isViewOnce(message: proto.IMessage, content: proto.IMessage): boolean {
  const isWrapped = message.viewOnceMessage ?? message.viewOnceMessageV2 ?? message.viewOnceMessageV2Extension
  const isMarked = content.imageMessage?.viewOnce ?? content.videoMessage?.viewOnce ?? content.audioMessage?.viewOnce
  return Boolean(isWrapped) || isMarked === true
}

/** Only housekeeping between devices: nothing that a person would see in a chat. */
export function isSilent(message: proto.IMessage): boolean {
  const content = normalizeMessageContent(message)
  const protocol = content?.protocolMessage
  if (protocol) return !protocol.editedMessage && (protocol.key?.id ?? '') === ''
  return getContentType(content) === undefined
}
