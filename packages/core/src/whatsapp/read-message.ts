import { normalizeMessageContent, proto } from '@whiskeysockets/baileys'
import type { MessageType } from '../shared.ts'

/** What a message's protobuf says, in wamux's words. Pure. */
export interface Content {
  /** `message` is told to users; the rest has its own events, or is WhatsApp's own business. */
  kind: 'message' | 'reaction' | 'edit' | 'deletion' | 'vote' | 'protocol' | 'nothing'
  type: MessageType
  /** Text or caption. */
  body: string
}

const NOTHING: Content = { kind: 'nothing', type: 'unknown', body: '' }

export function readContent(message: proto.IMessage | null | undefined): Content {
  const content = normalizeMessageContent(message?.deviceSentMessage?.message ?? message)
  if (!content) return NOTHING
  const told = (type: MessageType, body: string | null | undefined): Content => ({
    kind: 'message',
    type,
    body: body ?? '',
  })
  const untold = (kind: Content['kind']): Content => ({ ...NOTHING, kind })

  if (content.protocolMessage) {
    switch (content.protocolMessage.type) {
      case proto.Message.ProtocolMessage.Type.REVOKE:
        return untold('deletion')
      case proto.Message.ProtocolMessage.Type.MESSAGE_EDIT:
        return untold('edit')
      default:
        return untold('protocol')
    }
  }
  if (content.reactionMessage || content.encReactionMessage) return untold('reaction')
  if (content.pollUpdateMessage || content.encEventResponseMessage) return untold('vote')
  if (content.secretEncryptedMessage || content.editedMessage) return untold('edit')
  if (content.pinInChatMessage || content.keepInChatMessage) return untold('protocol')

  if (content.conversation != null && content.conversation !== '') return told('text', content.conversation)
  if (content.extendedTextMessage) return told('text', content.extendedTextMessage.text)
  if (content.imageMessage) return told('image', content.imageMessage.caption)
  if (content.videoMessage) return told('video', content.videoMessage.caption)
  if (content.ptvMessage) return told('video', content.ptvMessage.caption)
  if (content.audioMessage) return told(content.audioMessage.ptt ? 'voice' : 'audio', '')
  if (content.documentMessage) return told('document', content.documentMessage.caption)
  if (content.stickerMessage) return told('sticker', '')
  if (content.locationMessage) return told('location', content.locationMessage.name ?? content.locationMessage.comment)
  if (content.liveLocationMessage) return told('location', content.liveLocationMessage.caption)
  if (content.contactMessage) return told('contact', content.contactMessage.displayName)
  if (content.contactsArrayMessage) return told('contact', content.contactsArrayMessage.displayName)
  const poll = pollOf(content)
  if (poll) return told('poll', poll.name)
  if (content.eventMessage) return told('event', content.eventMessage.name)
  if (content.buttonsResponseMessage) return told('text', content.buttonsResponseMessage.selectedDisplayText)
  if (content.templateButtonReplyMessage) return told('text', content.templateButtonReplyMessage.selectedDisplayText)
  if (content.listResponseMessage) return told('text', content.listResponseMessage.title)

  // Carried beside other content, or alone to hand out a sender key: nothing that a person wrote.
  const { senderKeyDistributionMessage: _key, messageContextInfo: _context, conversation: _empty, ...rest } = content
  const hasMore = Object.values(rest).some((part) => part !== null && part !== undefined)
  return hasMore ? told('unknown', '') : NOTHING
}

export const pollOf = (content: proto.IMessage): proto.Message.IPollCreationMessage | null | undefined =>
  content.pollCreationMessage ?? content.pollCreationMessageV2 ?? content.pollCreationMessageV3

/** What a person wrote, out of the wrapping in which own devices get it. A poll's secret may be in the wrapping. */
export function innerOf(message: proto.IMessage): proto.IMessage {
  const inner = message.deviceSentMessage?.message
  if (!inner) return message
  const { messageContextInfo } = message
  return inner.messageContextInfo || !messageContextInfo ? inner : { ...inner, messageContextInfo }
}

/** Takes a decrypted part apart: WhatsApp pads it with 1–16 bytes that each say how many. @throws when it is none */
export function decodePlaintext(padded: Uint8Array): proto.Message {
  const pad = padded.at(-1) ?? 0
  if (pad === 0 || pad > padded.length) throw new Error('The plaintext is not padded.')
  return proto.Message.decode(padded.subarray(0, padded.length - pad))
}

/** What a message of ours says, from its final protobuf. */
export function readBody(body: Uint8Array): Content {
  return readContent(proto.Message.decode(body))
}
