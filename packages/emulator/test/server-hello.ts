import {
  createDecipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
} from 'node:crypto'
import { once } from 'node:events'
import { proto } from '@whiskeysockets/baileys'
import { WebSocket } from 'ws'

/** What precedes a raw key in the DER form that node:crypto reads (RFC 8410). */
const X25519_DER = Buffer.from('302a300506032b656e032100', 'hex')
const INTRO = Buffer.from([0x57, 0x41, 6, 3])

/**
 * Says a client's first words and opens the server's answer, with node:crypto and the text of the Noise specification
 * alone: nothing of the code under test, and nothing of a client that might be as wrong as it is.
 */
export async function openServerHello(url: string): Promise<{ staticKey: Buffer; chain: proto.CertChain }> {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  const ephemeral = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  const { serverHello } = proto.HandshakeMessage.decode(await exchange(url, ephemeral))
  const shared = (raw: Uint8Array) => {
    const theirs = createPublicKey({ key: Buffer.concat([X25519_DER, raw]), format: 'der', type: 'spki' })
    return diffieHellman({ privateKey, publicKey: theirs })
  }
  const name = Buffer.from('Noise_XX_25519_AESGCM_SHA256\0\0\0\0')
  let hash: Buffer = name
  let chaining: Buffer = name
  const mix = (data: Uint8Array) => {
    hash = createHash('sha256').update(hash).update(data).digest()
  }
  const open = (secret: Buffer, sealed: Uint8Array) => {
    const derived = Buffer.from(hkdfSync('sha256', secret, chaining, Buffer.alloc(0), 64))
    chaining = derived.subarray(0, 32)
    const cipher = createDecipheriv('aes-256-gcm', derived.subarray(32), Buffer.alloc(12)).setAAD(hash)
    cipher.setAuthTag(sealed.subarray(-16))
    const plain = Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()])
    mix(sealed)
    return plain
  }
  const theirs = serverHello?.ephemeral ?? Buffer.alloc(32)
  for (const part of [INTRO, ephemeral, theirs]) mix(part)
  const staticKey = open(shared(theirs), serverHello?.static ?? Buffer.alloc(0))
  const chain = open(shared(staticKey), serverHello?.payload ?? Buffer.alloc(0))
  return { staticKey, chain: proto.CertChain.decode(chain) }
}

async function exchange(url: string, ephemeral: Buffer): Promise<Buffer> {
  const hello = proto.HandshakeMessage.encode({ clientHello: { ephemeral } }).finish()
  const socket = new WebSocket(url)
  await once(socket, 'open')
  socket.send(Buffer.concat([INTRO, Buffer.from([0, 0, hello.length]), hello]))
  const [frame] = (await once(socket, 'message')) as [Buffer]
  socket.terminate()
  return frame.subarray(3)
}
