import { type BinaryNode, normalizeMessageContent, proto } from '@whiskeysockets/baileys'
import { el } from '../stream/nodes.ts'

/** What a stanza says openly of the sealed message in it, as phones do: servers and clients act on it unopened. */
export interface Outside {
  readonly type: 'text' | 'media' | 'poll' | 'event' | 'reaction'
  /** 1 an edit, 2 a pin, 7 taken back by its author, 8 by an admin of the group. */
  readonly edit: '1' | '2' | '7' | '8' | undefined
  /** Attributes of `<enc>`. */
  readonly enc: { readonly mediatype?: string; readonly 'decrypt-fail'?: 'hide' }
  /** Beside the `<enc>`s. */
  readonly nodes: readonly BinaryNode[]
}

export function outsideOf(message: proto.IMessage): Outside {
  const content = normalizeMessageContent(message) ?? {}
  const mediatype = mediaTypeOf(content)
  const edit = editOf(content)
  const isQuiet = edit !== undefined || isAnswer(content)
  return {
    type: typeOf(content, mediatype),
    edit,
    enc: { ...(mediatype !== undefined && { mediatype }), ...(isQuiet && { 'decrypt-fail': 'hide' as const }) },
    nodes: metaOf(content).map((attrs) => el('meta', attrs)),
  }
}

function typeOf(content: proto.IMessage, mediatype: string | undefined): Outside['type'] {
  if (content.reactionMessage || content.encReactionMessage) return 'reaction'
  if (isPoll(content) || content.pollUpdateMessage) return 'poll'
  if (content.eventMessage || content.encEventResponseMessage) return 'event'
  return mediatype === undefined ? 'text' : 'media'
}

/** What would only puzzle people if it could not be read: they never saw it anyway. */
function isAnswer(content: proto.IMessage): boolean {
  return Boolean(content.reactionMessage ?? content.pollUpdateMessage ?? content.encEventResponseMessage)
}

function editOf({ protocolMessage, pinInChatMessage, reactionMessage }: proto.IMessage): Outside['edit'] {
  const { Type } = proto.Message.ProtocolMessage
  if (pinInChatMessage) return '2'
  if (protocolMessage?.editedMessage) return '1'
  if (protocolMessage?.key && protocolMessage.type === Type.REVOKE) return protocolMessage.key.fromMe ? '7' : '8'
  // A reaction without an emoji takes the one before it back.
  return reactionMessage && !reactionMessage.text ? '7' : undefined
}

function metaOf(content: proto.IMessage): Record<string, string>[] {
  if (isPoll(content)) return [{ polltype: 'creation' }]
  if (content.pollUpdateMessage) return [{ polltype: 'vote' }]
  if (content.eventMessage) return [{ event_type: 'creation' }]
  return content.encEventResponseMessage ? [{ event_type: 'response' }] : []
}

function isPoll(content: proto.IMessage): boolean {
  return Boolean(content.pollCreationMessage ?? content.pollCreationMessageV2 ?? content.pollCreationMessageV3)
}

const MEDIA_TYPES: readonly (readonly [keyof proto.IMessage, string])[] = [
  ['imageMessage', 'image'],
  ['ptvMessage', 'ptv'],
  ['documentMessage', 'document'],
  ['stickerMessage', 'sticker'],
  ['contactMessage', 'vcard'],
  ['contactsArrayMessage', 'contact_array'],
  ['locationMessage', 'location'],
  ['liveLocationMessage', 'livelocation'],
  ['listMessage', 'list'],
  ['listResponseMessage', 'list_response'],
  ['buttonsMessage', 'button'],
  ['buttonsResponseMessage', 'buttons_response'],
  ['orderMessage', 'order'],
  ['productMessage', 'product'],
  ['interactiveResponseMessage', 'native_flow_response'],
  ['groupInviteMessage', 'url'],
  ['albumMessage', 'album'],
]

function mediaTypeOf(content: proto.IMessage): string | undefined {
  if (content.videoMessage) return content.videoMessage.gifPlayback ? 'gif' : 'video'
  if (content.audioMessage) return content.audioMessage.ptt ? 'ptt' : 'audio'
  return MEDIA_TYPES.find(([key]) => content[key])?.[1]
}
