import { normalizeMessageContent, type proto } from '@whiskeysockets/baileys'
import type { MediaKind } from './cipher.ts'
import type { MediaReference } from './library.ts'

/** The file that a message is about; undefined when it is about none. Looks into view-once and captioned documents. */
export function mediaOf(message: proto.IMessage): { kind: MediaKind; reference: MediaReference } | undefined {
  const content = normalizeMessageContent(message)
  if (!content) return undefined
  const { audioMessage: audio, stickerMessage: sticker, documentMessage: document } = content
  if (content.imageMessage) return { kind: 'image', reference: content.imageMessage }
  if (content.videoMessage) return { kind: 'video', reference: content.videoMessage }
  if (content.ptvMessage) return { kind: 'ptv', reference: content.ptvMessage }
  if (audio) return { kind: audio.ptt ? 'ptt' : 'audio', reference: audio }
  if (document) return { kind: 'document', reference: document }
  return sticker ? { kind: 'sticker', reference: sticker } : undefined
}
