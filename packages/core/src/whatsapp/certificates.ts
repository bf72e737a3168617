import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { Curve, proto } from '@whiskeysockets/baileys'
import type { CertificateMode, Logger } from '../options.ts'

interface Check {
  mode: CertificateMode
  logger: Logger
}

/**
 * Baileys 7.0.0-rc14 ignores what libsignal says about a signature: every one of 64 bytes passes, so that anybody who
 * can put himself between may pose as WhatsApp. And the key that the certificate speaks for is never compared with the
 * key that the server uses, nor are dates looked at, nor whether one certificate was issued by the other. All of it is done
 * here, for what runs {@link checked}: core's own sockets.
 */
const checks = new AsyncLocalStorage<Check>()
let patched = false
/** Clocks of machines go wrong by so much; whoever has stolen a key has it for longer. */
const CLOCK_MS = 86_400_000

type Details = proto.CertChain.NoiseCertificate.Details

/** Runs a listener of a socket with the checks on. */
export function checked<T>(check: Check, work: () => T): T {
  return check.mode === 'off' ? work() : checks.run(check, work)
}

/** Makes the checks possible, once per process. @throws when a random signature is not refused afterwards */
export function patchCurve(): void {
  if (patched) return
  const require = createRequire(createRequire(import.meta.url).resolve('@whiskeysockets/baileys'))
  const { verifySignature } = require('libsignal/src/curve.js') as {
    verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  }
  const { sharedKey, verify } = Curve
  /** The server's static key, while a handshake is between taking it and looking at its certificate. */
  let serverStatic: Uint8Array | undefined
  /** And the leaf, while the one that issued it is still to be looked at. */
  let leaf: Details | undefined
  const forget = () => {
    serverStatic = undefined
    leaf = undefined
  }

  Curve.sharedKey = (privateKey, publicKey) => {
    if (checks.getStore()) {
      serverStatic = publicKey
      // Baileys verifies the leaf in the same turn as it mixes the static key; what comes later is another matter.
      queueMicrotask(forget)
    }
    return sharedKey(privateKey, publicKey)
  }
  Curve.verify = (publicKey, message, signature) => {
    const check = checks.getStore()
    if (!check) return verify(publicKey, message, signature)
    const [spokenFor, issued] = [serverStatic, leaf]
    forget()
    const fault = strict(publicKey, message, signature)
      ? chainFault(message, spokenFor, issued)
      : 'the signature is not valid'
    if (fault === undefined) return true
    if (check.mode === 'log') {
      check.logger.warn({ fault }, 'WhatsApp could not be told from an impostor; certificates are set to "log"')
      return true
    }
    check.logger.error({ fault }, 'refused a server or account that could not prove to be who it says')
    return false
  }

  /** Baileys looks at the leaf first, then at the one that issued it; elsewhere signatures are of something else. */
  function chainFault(message: Uint8Array, spokenFor?: Uint8Array, issued?: Details): string | undefined {
    if (!spokenFor && !issued) return undefined
    const details = proto.CertChain.NoiseCertificate.Details.decode(message)
    if (spokenFor) leaf = details
    return (spokenFor && keyFault(details, spokenFor)) ?? (issued && issuerFault(details, issued)) ?? dateFault(details)
  }

  function strict(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    const key = publicKey.length === 33 ? publicKey : Buffer.concat([Buffer.from([5]), publicKey])
    try {
      return verifySignature(key, message, signature)
    } catch {
      return false // libsignal throws on keys and signatures of a wrong length
    }
  }

  patched = true
  const random = checks.run({ mode: 'enforce', logger: silent }, () =>
    Curve.verify(Curve.generateKeyPair().public, randomBytes(64), randomBytes(64)),
  )
  if (random)
    throw new Error('A random signature was accepted: this Baileys is not the one that the check was made for.')
}

function keyFault({ key }: Details, spokenFor: Uint8Array): string | undefined {
  return key && Buffer.compare(key, spokenFor) === 0
    ? undefined
    : 'the certificate is for another key than the server uses'
}

function issuerFault({ serial }: Details, issued: Details): string | undefined {
  return issued.issuerSerial === serial ? undefined : 'the certificate was issued by another one'
}

function dateFault({ notBefore, notAfter }: Details): string | undefined {
  // Seconds; none where it says nothing.
  const [from, until] = [Number(notBefore) * 1000, Number(notAfter) * 1000]
  const now = Date.now()
  if (from > 0 && now < from - CLOCK_MS) return `the certificate is valid from ${new Date(from).toISOString()} on`
  if (until > 0 && now > until + CLOCK_MS) return `the certificate was valid until ${new Date(until).toISOString()}`
  return undefined
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
