import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import type { Store } from '../state/database.ts'
import { issueCertificate, newKeys } from './certificate.ts'

/** What an HTTPS server needs, and what its clients need to trust it. All of it is PEM. */
export interface TlsIdentity {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** Loopback, and the hosts of WhatsApp that clients insist on even when their connections are led to loopback. */
const NAMES = [
  'localhost',
  '127.0.0.1',
  '::1',
  'web.whatsapp.com',
  '*.whatsapp.com',
  // mmg, mmg-fallback, pps, media-… , g
  '*.whatsapp.net',
  '*.cdn.whatsapp.net',
]

const CA_NAME = 'wamux-emulator CA'
const DAY_MS = 86_400_000
/** Longer than a state file lives: those who trust the authority are never asked again. */
const CA_DAYS = 20 * 365
/** Made anew at each start, so it need not last. Apple's clients refuse more than 825 days. */
const LEAF_DAYS = 2 * 365

interface Authority {
  readonly cert: string
  readonly key: string
}

/** Reads the authority of this network from its file, or makes it once, and issues a certificate for this start. */
export function loadTlsIdentity(store: Store, host: string): TlsIdentity {
  const authority = loadAuthority(store)
  const privateKey = createPrivateKey(authority.key)
  const keys = newKeys()
  const cert = issueCertificate({
    subject: 'wamux-emulator',
    issuer: CA_NAME,
    publicKey: keys.publicKey,
    issuerKeys: { privateKey, publicKey: createPublicKey(privateKey) },
    ...validFor(LEAF_DAYS),
    names: [...new Set([...NAMES, host])],
  })
  return { ca: authority.cert, cert, key: toPem(keys.privateKey) }
}

function loadAuthority(store: Store): Authority {
  const saved = store.first<{ value: string }>(`SELECT value FROM meta WHERE name = 'tls:ca'`)
  // Nobody else writes this row.
  if (saved) return JSON.parse(saved.value) as Authority
  const keys = newKeys()
  const cert = issueCertificate({
    subject: CA_NAME,
    issuer: CA_NAME,
    publicKey: keys.publicKey,
    issuerKeys: keys,
    ...validFor(CA_DAYS),
    names: [],
  })
  const authority = { cert, key: toPem(keys.privateKey) }
  store.run(`INSERT INTO meta (name, value) VALUES ('tls:ca', ?)`, JSON.stringify(authority))
  return authority
}

/** From yesterday on: the clock of a container may be behind. Real time, which is what TLS clients compare with. */
function validFor(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now()
  return { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + days * DAY_MS) }
}

function toPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}
