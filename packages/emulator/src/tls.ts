// tsyringe, inside of x509, asks for this polyfill. That, and 0.1 s, is why this file is imported only with a TLS port.
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import type { Store } from './state/database.ts'

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
  'mmg.whatsapp.net',
  'mmg-fallback.whatsapp.net',
  'pps.whatsapp.net',
  'web.whatsapp.com',
]

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
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
export async function loadTlsIdentity(store: Store, host: string): Promise<TlsIdentity> {
  const authority = await loadAuthority(store)
  return { ca: authority.cert, ...(await issueLeaf(authority, [...new Set([...NAMES, host])])) }
}

async function loadAuthority(store: Store): Promise<Authority> {
  const saved = store.first<{ value: string }>(`SELECT value FROM meta WHERE name = 'tls:ca'`)
  // Nobody else writes this row.
  if (saved) return JSON.parse(saved.value) as Authority
  const authority = await makeAuthority()
  store.run(`INSERT INTO meta (name, value) VALUES ('tls:ca', ?)`, JSON.stringify(authority))
  return authority
}

async function makeAuthority(): Promise<Authority> {
  const keys = await newKeys()
  const cert = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=wamux-emulator CA',
    ...validFor(CA_DAYS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { cert: cert.toString('pem'), key: await toPem(keys.privateKey) }
}

async function issueLeaf(authority: Authority, names: readonly string[]): Promise<Omit<TlsIdentity, 'ca'>> {
  const issuer = new X509Certificate(authority.cert)
  const keys = await newKeys()
  const cert = await X509CertificateGenerator.create({
    subject: 'CN=wamux-emulator',
    issuer: issuer.subject,
    ...validFor(LEAF_DAYS),
    publicKey: keys.publicKey,
    signingKey: await fromPem(authority.key),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(names.map(toGeneralName)),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer),
    ],
  })
  return { cert: cert.toString('pem'), key: await toPem(keys.privateKey) }
}

function toGeneralName(name: string): JsonGeneralName {
  return { type: isIP(name) ? 'ip' : 'dns', value: name }
}

/** From yesterday on: the clock of a container may be behind. */
function validFor(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now()
  return { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + days * DAY_MS) }
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

async function toPem(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')
}

function fromPem(key: string): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(key), ALGORITHM, false, ['sign'])
}
