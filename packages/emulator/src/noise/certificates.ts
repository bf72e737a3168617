import { Curve, proto } from '@whiskeysockets/baileys'
import type { RawKeyPair } from '../state/server-keys.ts'

export interface CertificateAuthority {
  readonly root: RawKeyPair
  readonly intermediate: RawKeyPair
}

const ROOT_SERIAL = 0
const INTERMEDIATE_SERIAL = 1
const LEAF_SERIAL = 2
const DAY_S = 86_400

/**
 * Issues the two certificates that go with the server's static key: the root signs the intermediate, the intermediate
 * signs the leaf. Strict clients check every field, the dates too, so all of them are true.
 */
export function issueChain(authority: CertificateAuthority, serverKey: Uint8Array, now = Date.now()): Buffer {
  const today = Math.floor(now / 1000)
  const validity = { notBefore: today - DAY_S, notAfter: today + 365 * DAY_S }
  const { Details } = proto.CertChain.NoiseCertificate
  const intermediate = Details.encode({
    serial: INTERMEDIATE_SERIAL,
    issuerSerial: ROOT_SERIAL,
    key: authority.intermediate.public,
    ...validity,
  }).finish()
  const leaf = Details.encode({
    serial: LEAF_SERIAL,
    issuerSerial: INTERMEDIATE_SERIAL,
    key: serverKey,
    ...validity,
  }).finish()
  const chain = proto.CertChain.encode({
    intermediate: { details: intermediate, signature: Curve.sign(authority.root.private, intermediate) },
    leaf: { details: leaf, signature: Curve.sign(authority.intermediate.private, leaf) },
  })
  return Buffer.from(chain.finish())
}
