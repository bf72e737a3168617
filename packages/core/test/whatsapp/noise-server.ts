import { createHash, hkdfSync } from 'node:crypto'
import { aesEncryptGCM, Curve, type KeyPair, NOISE_WA_HEADER, proto } from '@whiskeysockets/baileys'

const { Details } = proto.CertChain.NoiseCertificate

type Said = Omit<proto.CertChain.NoiseCertificate.IDetails, 'key'>

/** A root signs an intermediate, the intermediate signs `leafKey`: what WhatsApp's server shows. */
export function certificates(
  root: KeyPair,
  leafKey: Uint8Array,
  forged: { leaf?: boolean; intermediate?: boolean } = {},
  said: { leaf?: Said; intermediate?: Said } = {},
) {
  const between = Curve.generateKeyPair()
  const intermediate = Details.encode({
    serial: 1,
    issuerSerial: 0,
    key: between.public,
    ...said.intermediate,
  }).finish()
  const leaf = Details.encode({ serial: 2, issuerSerial: 1, key: leafKey, ...said.leaf }).finish()
  const stranger = Curve.generateKeyPair()
  return proto.CertChain.encode({
    intermediate: {
      details: intermediate,
      signature: Curve.sign(forged.intermediate ? stranger.private : root.private, intermediate),
    },
    leaf: { details: leaf, signature: Curve.sign(forged.leaf ? stranger.private : between.private, leaf) },
  }).finish()
}

/** The server's half of the first two messages of Noise XX, up to its hello. */
export function serverHello(clientEphemeral: Uint8Array, server: KeyPair, chain: Uint8Array): proto.IHandshakeMessage {
  const ephemeral = Curve.generateKeyPair()
  let hash: Buffer = Buffer.from('Noise_XX_25519_AESGCM_SHA256\0\0\0\0')
  let salt: Buffer = hash
  let key: Buffer = hash
  const mixHash = (data: Uint8Array) => {
    hash = createHash('sha256').update(hash).update(data).digest()
  }
  const mixKey = (secret: Uint8Array) => {
    const out = Buffer.from(hkdfSync('sha256', secret, salt, '', 64))
    salt = out.subarray(0, 32)
    key = out.subarray(32)
  }
  // Each key encrypts once: the counter in the IV is always 0.
  const seal = (plain: Uint8Array) => {
    const sealed = aesEncryptGCM(plain, key, Buffer.alloc(12), hash)
    mixHash(sealed)
    return sealed
  }
  mixHash(NOISE_WA_HEADER)
  mixHash(clientEphemeral)
  mixHash(ephemeral.public)
  mixKey(Curve.sharedKey(ephemeral.private, clientEphemeral))
  const sealedStatic = seal(server.public)
  mixKey(Curve.sharedKey(server.private, clientEphemeral))
  return { serverHello: { ephemeral: ephemeral.public, static: sealedStatic, payload: seal(chain) } }
}
