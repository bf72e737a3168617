import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { bitString, boolean, integer, objectId, octetString, sequence, set, tagged, time, utf8String } from './der.ts'

/** A certificate on P-256 (RFC 5280). Made by hand: a library for it costs every start 0.1 s and cannot do it at once. */
export interface CertificateRequest {
  /** Common names. */
  readonly subject: string
  readonly issuer: string
  readonly publicKey: KeyObject
  readonly issuerKeys: Keys
  readonly notBefore: Date
  readonly notAfter: Date
  /** Host names and IP addresses of a server; without any it is the certificate of an authority. */
  readonly names: readonly string[]
}

export interface Keys {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

const ECDSA_WITH_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'))
const KEY_CERT_SIGN_AND_CRL_SIGN = bitString(Buffer.of(0b0000_0110), 1)
const DIGITAL_SIGNATURE = bitString(Buffer.of(0b1000_0000), 7)
const SERVER_AUTH = objectId('1.3.6.1.5.5.7.3.1')

export function newKeys(): Keys {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

/** Returns it as PEM. */
export function issueCertificate(request: CertificateRequest): string {
  const body = sequence(
    tagged(0xa0, integer(Buffer.of(2))), // version 3
    integer(serial()),
    ECDSA_WITH_SHA256,
    commonName(request.issuer),
    sequence(time(request.notBefore), time(request.notAfter)),
    commonName(request.subject),
    spki(request.publicKey),
    tagged(0xa3, sequence(...extensions(request))),
  )
  const signature = sign('sha256', body, request.issuerKeys.privateKey)
  return toPem(sequence(body, ECDSA_WITH_SHA256, bitString(signature)))
}

function extensions({ names, publicKey, issuerKeys }: CertificateRequest): Buffer[] {
  const ownId = extension('2.5.29.14', octetString(keyId(publicKey)))
  if (names.length === 0) {
    const authority = sequence(boolean(true), integer(Buffer.of(0))) // may issue, but no further authorities
    return [critical('2.5.29.19', authority), critical('2.5.29.15', KEY_CERT_SIGN_AND_CRL_SIGN), ownId]
  }
  return [
    critical('2.5.29.19', sequence()),
    critical('2.5.29.15', DIGITAL_SIGNATURE),
    extension('2.5.29.37', sequence(SERVER_AUTH)),
    extension('2.5.29.17', sequence(...names.map(generalName))),
    ownId,
    extension('2.5.29.35', sequence(tagged(0x80, keyId(issuerKeys.publicKey)))),
  ]
}

function critical(id: string, value: Buffer): Buffer {
  return sequence(objectId(id), boolean(true), octetString(value))
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(objectId(id), octetString(value))
}

function commonName(name: string): Buffer {
  return sequence(set(sequence(objectId('2.5.4.3'), utf8String(name))))
}

/** Positive and without leading zeros, as an INTEGER has to be. */
function serial(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}

/** SHA-1 of the point, which is the last 65 bytes of the encoded key (RFC 5280, 4.2.1.2, method 1). */
function keyId(key: KeyObject): Buffer {
  return createHash('sha1').update(spki(key).subarray(-65)).digest()
}

function generalName(name: string): Buffer {
  return isIP(name) ? tagged(0x87, ipBytes(name)) : tagged(0x82, Buffer.from(name))
}

function ipBytes(ip: string): Buffer {
  if (isIP(ip) === 4) return Buffer.from(ip.split('.').map(Number))
  // A URL writes the last two groups as hexadecimal too and leaves only the gap to fill.
  const [head = '', tail] = new URL(`http://[${ip}]`).hostname.slice(1, -1).split('::')
  const [left, right] = [head, tail ?? ''].map((groups) => groups.split(':').filter((group) => group !== ''))
  const gap = Array.from({ length: 8 - (left?.length ?? 0) - (right?.length ?? 0) }, () => '0')
  const groups = [...(left ?? []), ...gap, ...(right ?? [])]
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex')
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
