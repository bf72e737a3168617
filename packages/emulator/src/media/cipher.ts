import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

/** What a file is, as far as its encryption is concerned. */
export const MEDIA_KINDS = [
  'image',
  'sticker',
  'video',
  'gif',
  'ptv',
  'audio',
  'ptt',
  'document',
  'thumbnail-link',
  'thumbnail-image',
  'thumbnail-video',
  'thumbnail-document',
  'sticker-pack',
  'md-msg-hist',
  'md-app-state',
] as const
export type MediaKind = (typeof MEDIA_KINDS)[number]

/**
 * Under which name the keys of a file are derived. The name is part of the key: an image that is opened as a video is
 * rubbish. Learnt from Baileys, whatsmeow and zapo.
 */
const KEY_NAMES: Record<MediaKind, string> = {
  image: 'Image',
  sticker: 'Image',
  video: 'Video',
  gif: 'Video',
  ptv: 'Video',
  audio: 'Audio',
  ptt: 'Audio',
  document: 'Document',
  'thumbnail-link': 'Link Thumbnail',
  'thumbnail-image': 'Image Thumbnail',
  'thumbnail-video': 'Video Thumbnail',
  'thumbnail-document': 'Document Thumbnail',
  'sticker-pack': 'Sticker Pack',
  'md-msg-hist': 'History',
  'md-app-state': 'App State',
}

const MAC_LENGTH = 10

/** A file as it lies at the server, and what a message says about it. */
export interface SealedMedia {
  /** AES-256-CBC, followed by ten bytes of HMAC-SHA256 over IV and ciphertext. */
  readonly body: Buffer
  /** 32 bytes. */
  readonly mediaKey: Buffer
  readonly fileSha256: Buffer
  readonly fileEncSha256: Buffer
  readonly fileLength: number
}

/** Encrypts a file. `mediaKey` is 32 random bytes. */
export function sealMedia(plain: Uint8Array, kind: MediaKind, mediaKey: Buffer): SealedMedia {
  const { iv, cipherKey, macKey } = deriveKeys(mediaKey, kind)
  const cipher = createCipheriv('aes-256-cbc', cipherKey, iv)
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()])
  const body = Buffer.concat([ciphertext, mac(macKey, iv, ciphertext)])
  return { body, mediaKey, fileSha256: sha256(plain), fileEncSha256: sha256(body), fileLength: plain.length }
}

/** Decrypts a file. Throws when its HMAC or its padding is wrong, which a wrong kind or key shows as too. */
export function openMedia(body: Buffer, kind: MediaKind, mediaKey: Uint8Array): Buffer {
  const { iv, cipherKey, macKey } = deriveKeys(mediaKey, kind)
  const ciphertext = body.subarray(0, -MAC_LENGTH)
  const found = body.subarray(-MAC_LENGTH)
  if (found.length !== MAC_LENGTH || !timingSafeEqual(found, mac(macKey, iv, ciphertext))) {
    throw new Error(`The HMAC of this ${kind} is wrong: it is damaged, or the key is another one's.`)
  }
  const decipher = createDecipheriv('aes-256-cbc', cipherKey, iv)
  return Buffer.concat([decipher.update(ciphertext), decipher.final()])
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function deriveKeys(mediaKey: Uint8Array, kind: MediaKind) {
  const info = `WhatsApp ${KEY_NAMES[kind]} Keys`
  const keys = Buffer.from(hkdfSync('sha256', mediaKey, Buffer.alloc(0), info, 112)) // 32 more bytes name the file; unused
  return { iv: keys.subarray(0, 16), cipherKey: keys.subarray(16, 48), macKey: keys.subarray(48, 80) }
}

function mac(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Buffer {
  return createHmac('sha256', key).update(iv).update(ciphertext).digest().subarray(0, MAC_LENGTH)
}
