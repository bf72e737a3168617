import { proto } from '@whiskeysockets/baileys'
import { verifySignature } from 'libsignal/src/curve.js'
import { expect, test } from 'vitest'
import { CERTIFICATE_FLAWS, type CertificateFlaw, type Emulator } from '../../src/index.ts'
import { withEmulator, withTrouble } from '../baileys.ts'
import { Zapo } from '../clients/zapo.ts'
import { openServerHello } from '../server-hello.ts'

const ALICE = '15550001001'

/** What zapo-js says. It does not look at dates. */
const REFUSALS: { [flaw in CertificateFlaw]?: string } = {
  root: 'intermediate certificate signature is invalid',
  leaf: 'leaf certificate signature is invalid',
  issuer: 'intermediate certificate issuer mismatch',
  serial: 'leaf certificate issuer mismatch',
  missing: 'missing leaf/intermediate',
  swapped: 'leaf certificate key mismatch with server static key',
}

/** Everything a client can check, by a check that returns its answer. What is wrong is in the list. */
async function complaints({ url, rootPublicKey }: Emulator): Promise<CertificateFlaw[]> {
  const { staticKey, chain } = await openServerHello(url)
  const { intermediate, leaf } = chain
  if (!intermediate?.details || !leaf?.details) return ['missing']
  const { Details } = proto.CertChain.NoiseCertificate
  const [upper, lower] = [Details.decode(intermediate.details), Details.decode(leaf.details)]
  const verifies = (key: Uint8Array, { details, signature }: proto.CertChain.INoiseCertificate) =>
    verifySignature(Buffer.concat([Buffer.from([5]), key]), Buffer.from(details ?? []), Buffer.from(signature ?? []))
  const now = Date.now() / 1000
  const found: { [flaw in CertificateFlaw]?: boolean } = {
    root: !verifies(rootPublicKey, intermediate),
    leaf: !verifies(upper.key ?? Buffer.alloc(32), leaf),
    issuer: upper.issuerSerial !== 0,
    serial: lower.issuerSerial !== upper.serial,
    expired: [upper, lower].some(({ notAfter }) => Number(notAfter) < now),
    early: [upper, lower].some(({ notBefore }) => Number(notBefore) > now),
    swapped: !staticKey.equals(Buffer.from(lower.key ?? [])),
  }
  return CERTIFICATE_FLAWS.filter((flaw) => found[flaw])
}

test('each flaw of the certificates is there, alone, and gone when it was shown often enough', () =>
  withEmulator(async (emulator) => {
    for (const flaw of CERTIFICATE_FLAWS) {
      const fault = emulator.faults.certificates(flaw, 1)
      expect(await complaints(emulator)).toEqual([flaw])
      expect(fault.count).toBe(1)
      expect(await complaints(emulator)).toEqual([])
    }
    const forged = emulator.faults.certificates('root')
    for (const _ of [1, 2]) expect(await complaints(emulator)).toEqual(['root'])
    forged.lift()
    expect(await complaints(emulator)).toEqual([])
  }))

test('Baileys sees a certificate that is missing or names another root, and logs in whatever else they say', () =>
  withTrouble(async (emulator, client) => {
    const alice = await client().link(emulator.phone(ALICE))
    for (const flaw of CERTIFICATE_FLAWS) {
      await alice.end()
      const before = alice.closes.length
      const fault = emulator.faults.certificates(flaw, 1)
      alice.connect()
      const outcome = await alice.until(() =>
        alice.isOpen ? 'open' : alice.closes.length > before && alice.closes.at(-1),
      )
      expect([flaw, outcome]).toEqual([flaw, flaw === 'missing' || flaw === 'issuer' ? 400 : 'open'])
      expect(fault.count).toBe(1)
    }
  }))

test('a strict client goes away from flawed certificates, and stays with true ones', () =>
  withEmulator(async (emulator) => {
    const zapo = new Zapo(emulator)
    for (const [flaw, refusal] of Object.entries(REFUSALS)) {
      const fault = emulator.faults.certificates(flaw as CertificateFlaw, 1) // the names of REFUSALS are these
      await zapo.client.connect().catch(() => undefined) // what it says of it is in its log
      await zapo.logged(refusal)
      await zapo.client.disconnect()
      expect([flaw, fault.count, zapo.qr]).toEqual([flaw, 1, undefined])
    }
    await zapo.client.connect()
    await zapo.until(() => zapo.qr)
  }))
