import { aesDecryptGCM, aesEncryptGCM } from '@whiskeysockets/baileys'
import { nonce } from './symmetric-state.ts'

const NO_AAD = Buffer.alloc(0)

/** The two ciphers after the handshake, each with its own counter: frames must be opened in the order of arrival. */
export class Transport {
  readonly #incoming: Buffer
  readonly #outgoing: Buffer
  #received = 0
  #sent = 0

  constructor(incoming: Buffer, outgoing: Buffer) {
    this.#incoming = incoming
    this.#outgoing = outgoing
  }

  open(frame: Uint8Array): Buffer {
    return aesDecryptGCM(frame, this.#incoming, nonce(this.#received++), NO_AAD)
  }

  seal(plain: Uint8Array): Buffer {
    return aesEncryptGCM(plain, this.#outgoing, nonce(this.#sent++), NO_AAD)
  }
}
