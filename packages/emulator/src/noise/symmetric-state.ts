import { createHash, hkdfSync } from 'node:crypto'
import { aesDecryptGCM, aesEncryptGCM } from '@whiskeysockets/baileys'
import { Transport } from './transport.ts'

/** The running hash, chaining key and cipher of a Noise handshake (the specification's SymmetricState), AES-GCM and SHA-256. */
export class SymmetricState {
  #hash: Buffer
  #chainingKey: Buffer
  #key: Buffer
  #counter = 0

  constructor(protocolName: string) {
    const name = Buffer.from(protocolName)
    this.#hash = name.length === 32 ? name : sha256(name)
    this.#chainingKey = this.#hash
    this.#key = this.#hash
  }

  mixHash(data: Uint8Array): void {
    this.#hash = sha256(Buffer.concat([this.#hash, data]))
  }

  mixKey(secret: Uint8Array): void {
    const [chainingKey, key] = this.#derive(secret)
    this.#chainingKey = chainingKey
    this.#key = key
    this.#counter = 0
  }

  encrypt(plain: Uint8Array): Buffer {
    const sealed = aesEncryptGCM(plain, this.#key, nonce(this.#counter++), this.#hash)
    this.mixHash(sealed)
    return sealed
  }

  /** Throws when the data was not sealed with the keys mixed so far. */
  decrypt(sealed: Uint8Array): Buffer {
    const plain = aesDecryptGCM(sealed, this.#key, nonce(this.#counter++), this.#hash)
    this.mixHash(sealed)
    return plain
  }

  /** Ends the handshake, for the server unless said otherwise. The first derived key is the client's sending key. */
  split(side: 'server' | 'client' = 'server'): Transport {
    const [fromClient, toClient] = this.#derive(Buffer.alloc(0))
    return side === 'server' ? new Transport(fromClient, toClient) : new Transport(toClient, fromClient)
  }

  #derive(secret: Uint8Array): [Buffer, Buffer] {
    const out = Buffer.from(hkdfSync('sha256', secret, this.#chainingKey, Buffer.alloc(0), 64))
    return [out.subarray(0, 32), out.subarray(32)]
  }
}

export function nonce(counter: number): Buffer {
  const iv = Buffer.alloc(12)
  iv.writeUInt32BE(counter, 8)
  return iv
}

function sha256(data: Uint8Array): Buffer {
  return createHash('sha256').update(data).digest()
}
