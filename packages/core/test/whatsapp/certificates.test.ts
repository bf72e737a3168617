import { randomBytes } from 'node:crypto'
import { Curve, makeNoiseHandler, NOISE_WA_HEADER, proto, WA_CERT_DETAILS } from '@whiskeysockets/baileys'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CertificateMode, Logger } from '../../src/options.ts'
import { checked, patchCurve } from '../../src/whatsapp/certificates.ts'
import { silentBaileysLogger } from '../../src/whatsapp/silent-logger.ts'
import { certificates, serverHello } from './noise-server.ts'

const stockVerify = Curve.verify
const random = () => Curve.verify(Curve.generateKeyPair().public, randomBytes(64), randomBytes(64))

test('Baileys as it is takes any 64 bytes for a signature: the check is still needed', () => {
  expect(stockVerify(Curve.generateKeyPair().public, randomBytes(64), randomBytes(64))).toBe(true)
})

patchCurve()

let said: [level: string, facts: object][] = []
const logger: Logger = {
  debug: () => {},
  info: () => {},
  warn: (facts) => void said.push(['warn', facts]),
  error: (facts) => void said.push(['error', facts]),
}
const within = <T>(mode: CertificateMode, work: () => T) => checked({ mode, logger }, work)

const root = Curve.generateKeyPair()
const real = WA_CERT_DETAILS.PUBLIC_KEY
beforeEach(() => {
  said = []
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(root.public)
})
afterEach(() => {
  WA_CERT_DETAILS.PUBLIC_KEY = real
})

describe('a signature', () => {
  const keys = Curve.generateKeyPair()
  const message = Buffer.from('who I am')
  const signature = Curve.sign(keys.private, message)

  test('that is valid is accepted', () => {
    expect(within('enforce', () => Curve.verify(keys.public, message, signature))).toBe(true)
    expect(said).toEqual([])
  })
  test('at random is refused, and said', () => {
    expect(within('enforce', random)).toBe(false)
    expect(said).toEqual([['error', { fault: 'the signature is not valid' }]])
  })
  test('of another message, by another key, or changed in one bit is refused', () => {
    const changed = Buffer.from(signature)
    changed[10] = (changed[10] ?? 0) ^ 1
    within('enforce', () => {
      expect(Curve.verify(keys.public, Buffer.from('who I am not'), signature)).toBe(false)
      expect(Curve.verify(Curve.generateKeyPair().public, message, signature)).toBe(false)
      expect(Curve.verify(keys.public, message, changed)).toBe(false)
    })
  })
  test('or a key of a wrong length is refused, not thrown at anybody', () => {
    within('enforce', () => {
      for (const length of [0, 1, 63, 65]) expect(Curve.verify(keys.public, message, Buffer.alloc(length))).toBe(false)
      for (const length of [0, 31, 34]) expect(Curve.verify(Buffer.alloc(length), message, signature)).toBe(false)
    })
  })
  test('under "log" is only complained of', () => {
    expect(within('log', random)).toBe(true)
    expect(said).toEqual([['warn', { fault: 'the signature is not valid' }]])
  })
  test('under "off" is not looked at', () => {
    expect(within('off', random)).toBe(true)
    expect(said).toEqual([])
  })
  test('for other sockets in the process is what it was: the check is for core’s own', async () => {
    expect(random()).toBe(true)
    const inside = within('enforce', async () => {
      await Promise.resolve()
      return random()
    })
    expect(random()).toBe(true)
    expect(await inside).toBe(false)
    expect(random()).toBe(true)
  })
})

test('to patch again changes nothing', () => {
  const { verify, sharedKey } = Curve
  patchCurve()
  expect(Curve.verify).toBe(verify)
  expect(Curve.sharedKey).toBe(sharedKey)
})

describe('the handshake of Baileys', () => {
  /** As a socket does it: our hello, the server's hello, and what we make of it. */
  function shakeHands(
    mode: CertificateMode,
    server: { keys: ReturnType<typeof Curve.generateKeyPair>; chain: Uint8Array },
  ) {
    const [ephemeral, noiseKey] = [Curve.generateKeyPair(), Curve.generateKeyPair()]
    const noise = makeNoiseHandler({ keyPair: ephemeral, NOISE_HEADER: NOISE_WA_HEADER, logger: silentBaileysLogger })
    const hello = proto.HandshakeMessage.fromObject(serverHello(ephemeral.public, server.keys, server.chain))
    return within(mode, () => noise.processHandshake(hello, noiseKey))
  }
  const keys = Curve.generateKeyPair()

  test('goes through with a server that proves who it is', () => {
    expect(shakeHands('enforce', { keys, chain: certificates(root, keys.public) })).toHaveLength(48)
    expect(said).toEqual([])
  })
  test('refuses a leaf that the intermediate did not sign', () => {
    const chain = certificates(root, keys.public, { leaf: true })
    expect(() => shakeHands('enforce', { keys, chain })).toThrow('certificate signature invalid')
  })
  test('refuses an intermediate that the root did not sign', () => {
    const chain = certificates(root, keys.public, { intermediate: true })
    expect(() => shakeHands('enforce', { keys, chain })).toThrow('intermediate certificate signature invalid')
  })
  test('refuses a true chain that was issued for another key: it was copied by somebody in between', () => {
    const chain = certificates(root, Curve.generateKeyPair().public)
    expect(() => shakeHands('enforce', { keys, chain })).toThrow('certificate signature invalid')
    expect(said).toEqual([['error', { fault: 'the certificate is for another key than the server uses' }]])
  })
  test('refuses a chain of another root', () => {
    const chain = certificates(Curve.generateKeyPair(), keys.public)
    expect(() => shakeHands('enforce', { keys, chain })).toThrow('intermediate certificate signature invalid')
  })
  const seconds = (days: number) => Math.floor(Date.now() / 1000) + days * 86_400
  test.each([
    ['that was issued by another intermediate', { leaf: { issuerSerial: 77 } }, 'was issued by another one'],
    ['whose leaf is over', { leaf: { notBefore: seconds(-9), notAfter: seconds(-2) } }, 'was valid until'],
    ['whose intermediate is over', { intermediate: { notAfter: seconds(-2) } }, 'was valid until'],
    ['whose leaf is not valid yet', { leaf: { notBefore: seconds(2), notAfter: seconds(9) } }, 'is valid from'],
  ])('refuses a chain %s', (_, details, fault) => {
    const chain = certificates(root, keys.public, {}, details)
    expect(() => shakeHands('enforce', { keys, chain })).toThrow('certificate signature invalid')
    expect(said).toEqual([['error', { fault: expect.stringContaining(fault) }]])
    said = []
    shakeHands('log', { keys, chain })
    expect(said).toEqual([['warn', { fault: expect.stringContaining(fault) }]])
  })
  test('goes through where the clock is off by hours', () => {
    const today = { notBefore: seconds(0.5), notAfter: seconds(9) }
    const chain = certificates(root, keys.public, {}, { leaf: today, intermediate: { notAfter: seconds(-0.5) } })
    expect(shakeHands('enforce', { keys, chain })).toHaveLength(48)
  })
  test('under "log" goes through with each of them, and says so', () => {
    shakeHands('log', { keys, chain: certificates(root, keys.public, { leaf: true }) })
    shakeHands('log', { keys, chain: certificates(root, Curve.generateKeyPair().public) })
    expect(said.map(([level]) => level)).toEqual(['warn', 'warn'])
  })
  test('under "off", and in other sockets of the process, is that of Baileys', () => {
    const chain = certificates(root, Curve.generateKeyPair().public, { leaf: true, intermediate: true })
    expect(shakeHands('off', { keys, chain })).toHaveLength(48)
    expect(said).toEqual([])
  })
})
