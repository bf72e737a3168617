import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { type BinaryNode, proto } from '@whiskeysockets/baileys'
import { mediaOf } from '../media/of-message.ts'
import { bytesOf, child, el } from '../stream/nodes.ts'
import type { Account } from './accounts.ts'
import { toJid } from './jids.ts'
import type { World } from './world.ts'

const { ResultType } = proto.MediaRetryNotification
const TAG_LENGTH = 16

/**
 * Inside a commit: a companion could not fetch the file of a message, and the phone uploads it again. Returns what goes
 * to the companion: a new path, encrypted with a key made from the key of the file, or why there is none. Learnt from
 * Baileys and whatsmeow (code 2: the phone has no such file).
 */
export function answerMediaRetry(world: World, phone: Account, receipt: BinaryNode): BinaryNode {
  const id = receipt.attrs.id ?? ''
  const { jid, from_me, participant } = child(receipt, 'rmr')?.attrs ?? {}
  const attrs = { from: toJid(phone, 'pn'), type: 'mediaretry', id, t: world.clock.seconds() }
  const about = el('rmr', { jid, from_me, participant })
  const found = uploadAgain(world, phone, receipt, id)
  if (typeof found === 'number') return el('notification', attrs, [el('error', { code: found }), about])
  const { directPath, key } = found
  const plain = proto.MediaRetryNotification.encode({ stanzaId: id, directPath, result: ResultType.SUCCESS }).finish()
  const iv = world.random.bytes(12, 'media-retry')
  const encrypted = [el('enc_p', {}, seal(plain, key, iv, id)), el('enc_iv', {}, iv)]
  return el('notification', attrs, [el('encrypt', {}, encrypted), about])
}

function uploadAgain(world: World, { phone }: Account, receipt: BinaryNode, id: string) {
  const known = world.mail.find(phone, id)
  const media = known && mediaOf(known.message)
  const isLost = world.store.first('SELECT 1 FROM media_lost WHERE owner = ? AND id = ?', phone, id)
  if (!media?.reference.mediaKey || isLost) return ResultType.NOT_FOUND
  const key = Buffer.from(hkdfSync('sha256', media.reference.mediaKey, '', 'WhatsApp Media Retry Notification', 32))
  if (!isAskedWith(key, receipt, id)) return ResultType.DECRYPTION_ERROR
  const placed = world.media.placeAgain(media.reference, media.kind)
  return placed ? { directPath: placed.directPath, key } : ResultType.NOT_FOUND
}

/** Whether the asker has the key of the file. Some leave the proof out and are answered all the same. */
function isAskedWith(key: Buffer, receipt: BinaryNode, id: string): boolean {
  const encrypted = child(receipt, 'encrypt')
  if (!encrypted) return true
  const [sealed, iv] = [bytesOf(child(encrypted, 'enc_p')), bytesOf(child(encrypted, 'enc_iv'))]
  try {
    return proto.ServerErrorReceipt.decode(open(sealed, key, iv, id)).stanzaId === id
  } catch {
    return false // GCM has no other way to say that a key is wrong
  }
}

/** The id of the message is part of it: an answer cannot be passed off as one about another message. */
function seal(plain: Uint8Array, key: Buffer, iv: Buffer, id: string): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(id))
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function open(sealed: Buffer, key: Buffer, iv: Buffer, id: string): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_LENGTH })
  decipher.setAAD(Buffer.from(id)).setAuthTag(sealed.subarray(-TAG_LENGTH))
  return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_LENGTH)), decipher.final()])
}
