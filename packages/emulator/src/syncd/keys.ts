import { createHmac, hkdfSync } from 'node:crypto'

/** What a phone shares with its companions: 32 bytes under a name of 6, two for the device that made it, four for its turn. */
export interface SyncKey {
  readonly id: Buffer
  readonly data: Buffer
  /** Milliseconds. */
  readonly madeAt: number
}

/** The keys that are drawn from a shared one, in the order of the 160 bytes. */
export interface MutationKeys {
  readonly index: Buffer
  readonly valueEncryption: Buffer
  readonly valueMac: Buffer
  readonly snapshotMac: Buffer
  readonly patchMac: Buffer
}

export function mutationKeys(data: Buffer): MutationKeys {
  const drawn = Buffer.from(hkdfSync('sha256', data, Buffer.alloc(0), 'WhatsApp Mutation Keys', 160))
  const part = (place: number) => drawn.subarray(place * 32, place * 32 + 32)
  return { index: part(0), valueEncryption: part(1), valueMac: part(2), snapshotMac: part(3), patchMac: part(4) }
}

/** The name of the key that a phone makes in its `turn`: clients use the one with the highest turn. */
export function syncKeyId(turn: number): Buffer {
  const id = Buffer.alloc(6)
  id.writeUInt32BE(turn, 2)
  return id
}

export function turnOf(id: Buffer): number {
  return id.length < 6 ? 0 : id.readUInt32BE(2)
}

/** Vouches for a whole collection as it is at `version`. */
export function snapshotMac(key: MutationKeys, hash: Uint8Array, version: number, collection: string): Buffer {
  return createHmac('sha256', key.snapshotMac).update(hash).update(bigEndian64(version)).update(collection).digest()
}

/** Vouches for one step: what it leads to, and the MACs of its values in their order. */
export function patchMac(
  key: MutationKeys,
  snapshot: Uint8Array,
  valueMacs: readonly Uint8Array[],
  version: number,
  collection: string,
): Buffer {
  const hmac = createHmac('sha256', key.patchMac).update(snapshot)
  for (const mac of valueMacs) hmac.update(mac)
  return hmac.update(bigEndian64(version)).update(collection).digest()
}

function bigEndian64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}
