import { proto } from '@whiskeysockets/baileys'
import type { Incoming, IncomingContent } from '../inbox.ts'
import { readContent } from './read-message.ts'
import { secondsToMs, toParty } from './read-stanza.ts'

/** Reads a message of the time before linking, as the phone tells it; undefined when it is none that people wrote. Pure. */
export function readPast(message: proto.IWebMessageInfo): { incoming: Incoming; content: IncomingContent } | undefined {
  const { key } = message
  const { kind, type, body } = readContent(message.message)
  const chat = toParty(key?.remoteJid, undefined)
  if (kind !== 'message' || !key?.id || chat === undefined || !message.message) return undefined
  const author = typeof chat === 'string' ? toParty(key.participant ?? message.participant, undefined) : undefined
  return {
    incoming: {
      id: key.id,
      chat,
      author: typeof author === 'object' ? author : null,
      isFromMe: key.fromMe === true,
      timestamp: secondsToMs(Number(message.messageTimestamp ?? 0)),
      pushname: message.pushName ?? undefined,
      isBusiness: undefined,
    },
    content: { type, body, raw: proto.Message.encode(withSecret(message.message, message.messageSecret)).finish() },
  }
}

/** Messages that the own phone sends once more, because they could not be read here. Pure. */
export function readResent({ protocolMessage }: proto.IMessage): NonNullable<ReturnType<typeof readPast>>[] {
  const results = protocolMessage?.peerDataOperationRequestResponseMessage?.peerDataOperationResult ?? []
  return results.flatMap(({ placeholderMessageResendResponse }) => {
    const bytes = placeholderMessageResendResponse?.webMessageInfoBytes
    const resent = bytes && readPast(proto.WebMessageInfo.decode(bytes))
    return resent ? [resent] : []
  })
}

/** In a history the secret of a poll may be beside it. */
function withSecret(message: proto.IMessage, secret: Uint8Array | null | undefined): proto.IMessage {
  if (!secret?.length || message.messageContextInfo?.messageSecret) return message
  return { ...message, messageContextInfo: { ...message.messageContextInfo, messageSecret: secret } }
}
