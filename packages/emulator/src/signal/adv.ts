import { createHmac } from 'node:crypto'
import { Curve, proto } from '@whiskeysockets/baileys'
import { verifySignature } from 'libsignal/src/curve.js'
import type { Account } from '../world/accounts.ts'
import type { Device } from '../world/devices.ts'
import { typed } from './libsignal.ts'

const ACCOUNT_PREFIX = Buffer.from([6, 0])
const DEVICE_PREFIX = Buffer.from([6, 1])
const KEY_INDEX_PREFIX = Buffer.from([6, 2])

/** A device link that the phone has signed and the companion has not. */
export interface HalfSigned {
  readonly details: Buffer
  readonly accountSignature: Buffer
}

/** The phone vouches for a companion: "this identity key is my device number so-and-so". `at` is in seconds. */
export function signDevice(account: Account, companionKey: Buffer, keyIndex: number, at: number): HalfSigned {
  const details = Buffer.from(
    proto.ADVDeviceIdentity.encode({
      rawId: account.identity.rawId,
      timestamp: at,
      keyIndex,
      accountType: proto.ADVEncryptionType.E2EE,
      deviceType: proto.ADVEncryptionType.E2EE,
    }).finish(),
  )
  const signed = Buffer.concat([ACCOUNT_PREFIX, details, companionKey])
  return { details, accountSignature: Buffer.from(Curve.sign(account.identity.key.private, signed)) }
}

/** The form that goes to the companion, sealed with the secret it showed in its QR code. */
export function sealDevice(account: Account, half: HalfSigned, advSecret: Buffer): Buffer {
  const details = proto.ADVSignedDeviceIdentity.encode({
    ...half,
    accountSignatureKey: account.identity.key.public,
  }).finish()
  const hmac = createHmac('sha256', advSecret).update(details).digest()
  return Buffer.from(proto.ADVSignedDeviceIdentityHMAC.encode({ details, hmac }).finish())
}

/**
 * Checks the companion's own signature on its answer and returns the complete identity, with the account's key put
 * back: the form that goes next to every key bundle. Undefined when the signature is not the companion's.
 */
export function completeDevice(
  account: Account,
  half: HalfSigned,
  companionKey: Buffer,
  answer: Buffer,
): Buffer | undefined {
  const { deviceSignature } = proto.ADVSignedDeviceIdentity.decode(answer)
  const accountSignatureKey = account.identity.key.public
  const signed = Buffer.concat([DEVICE_PREFIX, half.details, companionKey, accountSignatureKey])
  if (!deviceSignature || !isSignedBy(companionKey, signed, deviceSignature)) return undefined
  return Buffer.from(proto.ADVSignedDeviceIdentity.encode({ ...half, accountSignatureKey, deviceSignature }).finish())
}

/** The signed list of valid companions. Strict clients throw a whole device list away that comes without it. `at` is in seconds. */
export function signKeyIndexes(account: Account, devices: readonly Device[], at: number): Buffer {
  const details = Buffer.from(
    proto.ADVKeyIndexList.encode({
      rawId: account.identity.rawId,
      timestamp: at,
      currentIndex: Math.max(0, ...devices.map(({ keyIndex }) => keyIndex)),
      validIndexes: [0, ...devices.map(({ keyIndex }) => keyIndex)],
      accountType: proto.ADVEncryptionType.E2EE,
    }).finish(),
  )
  const accountSignature = Curve.sign(account.identity.key.private, Buffer.concat([KEY_INDEX_PREFIX, details]))
  const list = { details, accountSignature, accountSignatureKey: account.identity.key.public }
  return Buffer.from(proto.ADVSignedKeyIndexList.encode(list).finish())
}

/** libsignal's own check, which returns the answer; Baileys' `Curve.verify` throws it away. */
export function isSignedBy(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false
  return verifySignature(typed(key), Buffer.from(message), Buffer.from(signature))
}
