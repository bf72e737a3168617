import { hkdfSync } from 'node:crypto'

const SIZE = 128
const INFO = 'WhatsApp Patch Integrity'

/** The hash of a collection without records. */
export const EMPTY_HASH: Buffer = Buffer.alloc(SIZE)

/**
 * The hash of a collection after some value MACs left it and others joined it. It is a sum, so the order does not matter
 * and nobody needs the whole collection to go on from a known hash: each MAC is stretched to 64 little-endian 16-bit
 * numbers, which are added or subtracted one by one with wrap-around.
 */
export function foldHash(hash: Buffer, removed: readonly Uint8Array[], added: readonly Uint8Array[]): Buffer {
  const sum = Buffer.from(hash)
  for (const mac of removed) fold(sum, mac, -1)
  for (const mac of added) fold(sum, mac, 1)
  return sum
}

function fold(sum: Buffer, mac: Uint8Array, sign: 1 | -1): void {
  const stretched = Buffer.from(hkdfSync('sha256', mac, Buffer.alloc(0), INFO, SIZE))
  for (let at = 0; at < SIZE; at += 2) {
    sum.writeUInt16LE((sum.readUInt16LE(at) + sign * stretched.readUInt16LE(at)) & 0xffff, at)
  }
}
