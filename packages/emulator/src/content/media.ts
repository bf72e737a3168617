import type { proto } from '@whiskeysockets/baileys'
import type { MediaKind } from '../media/cipher.ts'
import type { PlacedMedia } from '../media/library.ts'
import type { MediaContent } from './content.ts'

/** Encrypts a file and puts it where the receiver will fetch it. */
export type Put = (plain: Uint8Array, kind: MediaKind) => PlacedMedia

/** A file in the message that phones make for it, without what wraps some of them. */
export function mediaMessage(content: MediaContent, put: Put): proto.IMessage {
  const once = content.isViewOnce ? { viewOnce: true } : {}
  if ('image' in content) {
    const { image, mimetype = 'image/jpeg', caption } = content
    return { imageMessage: { ...put(image, 'image'), mimetype, ...captionOf(caption), ...once } }
  }
  if ('audio' in content) {
    const { audio, mimetype = 'audio/ogg; codecs=opus', isVoice = false, seconds = 1 } = content
    return { audioMessage: { ...put(audio, isVoice ? 'ptt' : 'audio'), mimetype, seconds, ptt: isVoice, ...once } }
  }
  if ('document' in content) {
    const { document, fileName, mimetype = 'application/pdf', caption } = content
    const named = { fileName, title: fileName, mimetype, ...captionOf(caption) }
    return { documentMessage: { ...put(document, 'document'), ...named } }
  }
  if ('sticker' in content) {
    const { sticker, mimetype = 'image/webp', isAnimated = false } = content
    return { stickerMessage: { ...put(sticker, 'sticker'), mimetype, isAnimated } }
  }
  const { video, mimetype = 'video/mp4', caption, seconds = 1, isGif = false, isNote = false } = content
  const facts = { mimetype, seconds, ...captionOf(caption), ...once }
  if (isNote) return { ptvMessage: { ...put(video, 'ptv'), ...facts } }
  return { videoMessage: { ...put(video, isGif ? 'gif' : 'video'), ...facts, gifPlayback: isGif } }
}

/** Captioned documents and what can be looked at once are wrapped, so that old clients show nothing of them. */
export function wrapped(message: proto.IMessage): proto.IMessage {
  const { audioMessage, documentMessage, imageMessage, videoMessage, ptvMessage } = message
  if (audioMessage?.viewOnce) return { viewOnceMessageV2Extension: { message } }
  if (imageMessage?.viewOnce || videoMessage?.viewOnce || ptvMessage?.viewOnce)
    return { viewOnceMessageV2: { message } }
  return documentMessage?.caption ? { documentWithCaptionMessage: { message } } : message
}

export function isMedia(content: object): content is MediaContent {
  return ['image', 'video', 'audio', 'document', 'sticker'].some((kind) => kind in content)
}

function captionOf(caption: string | undefined): { caption?: string } {
  return caption === undefined ? {} : { caption }
}
