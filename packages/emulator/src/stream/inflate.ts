import { promisify } from 'node:util'
import { inflate } from 'node:zlib'
import { type BinaryNode, decodeBinaryNode } from '@whiskeysockets/baileys'

/** What a compressed stanza may grow to. A real one is as long as a frame at most; the rest is a bomb. */
const MAX_INFLATED = 16 * 1024 * 1024
const IS_COMPRESSED = 2

const inflated = promisify(inflate)

/** Decodes a stanza as it was in its frame. Throws when it is not well-formed, or too long when it is unpacked. */
export async function decodeStanza(plain: Buffer): Promise<BinaryNode> {
  if (plain.length === 0) throw new Error('an empty frame')
  if ((plain.readUInt8(0) & IS_COMPRESSED) === 0) return decodeBinaryNode(plain)
  const body = await inflated(plain.subarray(1), { maxOutputLength: MAX_INFLATED })
  return decodeBinaryNode(Buffer.concat([Buffer.from([0]), body]))
}
