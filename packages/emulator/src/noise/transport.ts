import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import { nonce } from './symmetric-state.ts'

const CIPHER = 'aes-256-gcm'
const TAG_BYTES = 16

/** The two ciphers after the handshake, each with its own counter: frames must be opened in the order of arrival. */
export class Transport {
  // As bytes, Node would look at each key again for each frame, which takes four times as long as the cipher.
  readonly #incoming: KeyObject
  readonly #outgoing: KeyObject
  #received = 0
  #sent = 0

  constructor(incoming: Buffer, outgoing: Buffer) {
    this.#incoming = createSecretKey(incoming)
    this.#outgoing = createSecretKey(outgoing)
  }

  /** Throws when the frame was not sealed by the other side, or not as the next one. */
  open(frame: Uint8Array): Buffer {
    const end = Math.max(0, frame.length - TAG_BYTES)
    const cipher = createDecipheriv(CIPHER, this.#incoming, nonce(this.#received++))
    cipher.setAuthTag(frame.subarray(end))
    const plain = cipher.update(frame.subarray(0, end))
    cipher.final() // checks the tag; this mode gives out no more bytes
    return plain
  }

  seal(plain: Uint8Array): Buffer {
    const cipher = createCipheriv(CIPHER, this.#outgoing, nonce(this.#sent++))
    const sealed = cipher.update(plain)
    cipher.final()
    return Buffer.concat([sealed, cipher.getAuthTag()])
  }
}
