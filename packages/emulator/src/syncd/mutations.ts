import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import { proto } from '@whiskeysockets/baileys'
import { type MutationKeys, mutationKeys, type SyncKey } from './keys.ts'

const { SET, REMOVE } = proto.SyncdMutation.SyncdOperation
const MAC = 32
const IV = 16

/** One fact that the devices of an account share: a chat is pinned, a contact has a name. */
export interface SyncAction {
  /** What it is about, such as `['pin_v1', '491234567890@s.whatsapp.net']`: there is one fact per index. */
  readonly index: readonly string[]
  readonly value: proto.ISyncActionValue
  /** Of this kind of action, not of the collection. */
  readonly version: number
}

/** A mutation as the server sees it: it can tell facts apart and whether one came or went, but reads none. */
export interface SealedMutation {
  readonly operation: 'set' | 'remove'
  readonly indexMac: Buffer
  /** IV, ciphertext and MAC. */
  readonly blob: Buffer
  readonly keyId: Buffer
}

export function valueMacOf(blob: Buffer): Buffer {
  return blob.subarray(-MAC)
}

/** `iv`: 16 random bytes. */
export function sealMutation(
  key: SyncKey,
  action: SyncAction,
  operation: 'set' | 'remove',
  iv: Buffer,
): SealedMutation {
  const keys = mutationKeys(key.data)
  const index = Buffer.from(JSON.stringify(action.index))
  const plain = proto.SyncActionData.encode({
    index,
    value: action.value,
    padding: Buffer.alloc(0),
    version: action.version,
  }).finish()
  const cipher = createCipheriv('aes-256-cbc', keys.valueEncryption, iv)
  const content = Buffer.concat([iv, cipher.update(plain), cipher.final()])
  const blob = Buffer.concat([content, valueMac(keys, operation, key.id, content)])
  return { operation, indexMac: indexMac(keys, index), blob, keyId: key.id }
}

/** Throws with what is wrong when a MAC is not right or the content is not what it should be. */
export function openMutation(key: SyncKey, mutation: SealedMutation): SyncAction {
  const keys = mutationKeys(key.data)
  const content = mutation.blob.subarray(0, -MAC)
  if (!valueMac(keys, mutation.operation, key.id, content).equals(valueMacOf(mutation.blob))) {
    throw new Error('the MAC of a value is wrong')
  }
  const decipher = createDecipheriv('aes-256-cbc', keys.valueEncryption, content.subarray(0, IV))
  const plain = Buffer.concat([decipher.update(content.subarray(IV)), decipher.final()])
  const { index, value, version } = proto.SyncActionData.decode(plain)
  if (!index || !indexMac(keys, index).equals(mutation.indexMac)) throw new Error('the MAC of an index is wrong')
  const parts: unknown = JSON.parse(Buffer.from(index).toString())
  if (!Array.isArray(parts)) throw new Error('an index is not a list')
  return { index: parts.map(String), value: value ?? {}, version: version ?? 0 }
}

/** Undefined when it is not a whole mutation: the server refuses such a patch. */
export function readMutation({ operation, record }: proto.ISyncdMutation): SealedMutation | undefined {
  const [indexMac, blob, keyId] = [record?.index?.blob, record?.value?.blob, record?.keyId?.id].map(
    (bytes) => bytes && Buffer.from(bytes),
  )
  if (!indexMac || !blob || !keyId || blob.length <= MAC + IV) return undefined
  return { operation: operation === REMOVE ? 'remove' : 'set', indexMac, blob, keyId }
}

export function toProto({ operation, ...mutation }: SealedMutation): proto.ISyncdMutation {
  return { operation: operation === 'set' ? SET : REMOVE, record: toRecord(mutation) }
}

export function toRecord({ indexMac, blob, keyId }: Omit<SealedMutation, 'operation'>): proto.ISyncdRecord {
  return { index: { blob: indexMac }, value: { blob }, keyId: { id: keyId } }
}

function indexMac(keys: MutationKeys, index: Uint8Array): Buffer {
  return createHmac('sha256', keys.index).update(index).digest()
}

/** Half of an HMAC-SHA512 over the operation, the name of the key, the content, and the length of the first two. */
function valueMac(keys: MutationKeys, operation: 'set' | 'remove', keyId: Buffer, content: Buffer): Buffer {
  const head = Buffer.concat([Buffer.from([operation === 'set' ? 1 : 2]), keyId])
  const length = Buffer.alloc(8)
  length.writeUInt8(head.length, 7)
  const hmac = createHmac('sha512', keys.valueMac).update(head).update(content).update(length)
  return hmac.digest().subarray(0, MAC)
}
