import { createCipheriv, createDecipheriv, hkdfSync, pbkdf2 as pbkdf2Callback, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { Curve } from '@whiskeysockets/baileys'
import type { Random } from '../state/random.ts'
import type { RawKeyPair } from '../state/server-keys.ts'
import type { Account } from './accounts.ts'
import { LinkingError } from './linking-error.ts'

const pbkdf2 = promisify(pbkdf2Callback)

/** What the phone knows of a link by code: its own key of the moment, and the companion's as the code opened it. */
export interface Primary {
  readonly account: Account
  readonly ephemeral: RawKeyPair
  readonly companionKey: Buffer
}

async function codeKey(code: string, salt: Buffer): Promise<Buffer> {
  return pbkdf2(Buffer.from(code.replace(/[\s-]/g, '').toUpperCase()), salt, 131_072, 32, 'sha256')
}

/** Seals a public key with the eight letters: salt, initialisation vector, ciphertext. */
export async function wrapWithCode(code: string, key: Buffer, random: Random): Promise<Buffer> {
  const salt = random.bytes(32, 'code-salt')
  const iv = random.bytes(16, 'code-salt')
  const cipher = createCipheriv('aes-256-ctr', await codeKey(code, salt), iv)
  return Buffer.concat([salt, iv, cipher.update(key), cipher.final()])
}

/** Opens what the other side sealed. With a wrong code this gives a wrong key, which shows only later. */
export async function unwrapWithCode(code: string, wrapped: Buffer): Promise<Buffer> {
  const [salt, iv, sealed] = [wrapped.subarray(0, 32), wrapped.subarray(32, 48), wrapped.subarray(48)]
  const cipher = createDecipheriv('aes-256-ctr', await codeKey(code, salt), iv)
  return Buffer.concat([cipher.update(sealed), cipher.final()])
}

/** Opens the companion's key bundle and derives the secret that seals its identity. Throws when the codes differ. */
export function openKeyBundle(primary: Primary, bundle: Buffer, companionIdentity: Buffer): Buffer {
  const { account, ephemeral, companionKey } = primary
  const [salt, iv, sealed] = [bundle.subarray(0, 32), bundle.subarray(32, 44), bundle.subarray(44)]
  const shared = Curve.sharedKey(ephemeral.private, companionKey)
  const key = hkdfSync('sha256', shared, salt, 'link_code_pairing_key_bundle_encryption_key', 32)
  const cipher = createDecipheriv('aes-256-gcm', Buffer.from(key), iv)
  cipher.setAuthTag(sealed.subarray(-16))
  const plain = Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()])
  const identity = account.identity.key
  if (!timingSafeEqual(plain.subarray(0, 32), companionIdentity) || !plain.subarray(32, 64).equals(identity.public)) {
    throw new LinkingError('client', 'the key bundle names other identities')
  }
  const identityShared = Curve.sharedKey(identity.private, companionIdentity)
  const secret = Buffer.concat([shared, identityShared, plain.subarray(64, 96)])
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), 'adv_secret', 32))
}
