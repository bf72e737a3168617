import { Curve, proto } from '@whiskeysockets/baileys'
import { issueChain } from '../noise/certificates.ts'
import type { Credentials } from '../noise/handshake.ts'
import { newPair, type RawKeyPair, type ServerKeys } from '../state/server-keys.ts'

/**
 * `root`: the intermediate certificate is signed by somebody else than the root, as in a forged chain; `leaf`: the leaf by
 * somebody else than the intermediate; `issuer`: the intermediate names another root, and `serial`: the leaf another
 * intermediate; `missing`: there is no leaf; `expired` and `early`: valid for a year that is over, or has not begun;
 * `swapped`: all is true, but of another server than the one that answers: what somebody in the middle can show.
 */
export const CERTIFICATE_FLAWS = ['root', 'leaf', 'issuer', 'serial', 'missing', 'expired', 'early', 'swapped'] as const
export type CertificateFlaw = (typeof CERTIFICATE_FLAWS)[number]

const TWO_YEARS_MS = 2 * 365 * 86_400_000
const NO_SUCH_SERIAL = 77

/** What a server shows whose certificates have this flaw. */
export function flawed(keys: ServerKeys, flaw: CertificateFlaw): Credentials {
  const { noise, root, intermediate } = keys
  const chain = (now?: number, by = { root, intermediate }) => issueChain(by, noise.public, now)
  const isStranger = true
  switch (flaw) {
    case 'root':
      return { noise, isStranger, chain: chain(undefined, { root: newPair(), intermediate }) }
    case 'expired':
      return { noise, isStranger, chain: chain(Date.now() - TWO_YEARS_MS) }
    case 'early':
      return { noise, isStranger, chain: chain(Date.now() + TWO_YEARS_MS) }
    case 'swapped':
      return { noise: newPair(), isStranger, chain: keys.chain }
    default:
      return { noise, isStranger, chain: spoiled(keys, flaw) }
  }
}

function spoiled(
  { chain: whole, root, intermediate }: ServerKeys,
  flaw: 'leaf' | 'issuer' | 'serial' | 'missing',
): Buffer {
  const { Details } = proto.CertChain.NoiseCertificate
  const chain = proto.CertChain.decode(whole)
  const upper = chain.intermediate?.details ?? new Uint8Array()
  const lower = chain.leaf?.details ?? new Uint8Array()
  const sign = (details: Uint8Array, by: RawKeyPair) => ({ details, signature: Curve.sign(by.private, details) })
  const renamed = (details: Uint8Array) =>
    Details.encode({ ...Details.decode(details), issuerSerial: NO_SUCH_SERIAL }).finish()
  if (flaw === 'missing') chain.leaf = null
  else if (flaw === 'leaf') chain.leaf = sign(lower, newPair())
  else if (flaw === 'serial') chain.leaf = sign(renamed(lower), intermediate)
  else chain.intermediate = sign(renamed(upper), root)
  return Buffer.from(proto.CertChain.encode(chain).finish())
}
