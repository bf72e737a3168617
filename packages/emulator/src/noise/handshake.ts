import { Curve, proto } from '@whiskeysockets/baileys'
import { newPair, type RawKeyPair, type ServerKeys } from '../state/server-keys.ts'
import { SymmetricState } from './symmetric-state.ts'
import type { Transport } from './transport.ts'

const XX = 'Noise_XX_25519_AESGCM_SHA256\0\0\0\0'
const IK = 'Noise_IK_25519_AESGCM_SHA256\0\0\0\0'
const XX_FALLBACK = 'Noise_XXfallback_25519_AESGCM_SHA256'
/** `WA`, protocol version 6.3: the first bytes of every connection and the prologue of the handshake. */
export const INTRO = Buffer.from([0x57, 0x41, 6, 3])

/** What a finished handshake gives: who the client is, what it wants, and the ciphers. */
export interface Opened {
  readonly clientKey: Buffer
  readonly payload: Buffer
  readonly transport: Transport
}

/** What a server shows of itself. */
export interface Credentials extends Pick<ServerKeys, 'noise' | 'chain'> {
  /** Nobody resumes: all have to look at the certificates, as if they met this server for the first time. */
  readonly isStranger?: boolean
}

/**
 * The server's side of the handshake. Clients that remember our static key resume with IK in one round trip; when
 * that cannot be opened the answer is XXfallback, which they tell apart by the presence of `serverHello.static`.
 */
export class Handshake {
  readonly #keys: Credentials
  #state = new SymmetricState(XX)
  #ephemeral: RawKeyPair = newPair()

  constructor(keys: Credentials) {
    this.#keys = keys
  }

  /** Answers `clientHello`. `opened` is there already when the client resumed. */
  hello(frame: Uint8Array): { reply: Buffer; opened?: Opened } {
    const { clientHello } = proto.HandshakeMessage.decode(frame)
    if (clientHello?.ephemeral?.length !== 32) throw new Error('clientHello has no ephemeral key')
    const { ephemeral, static: sealedStatic, payload } = clientHello
    if (!sealedStatic || !payload) return { reply: this.#full(XX, ephemeral) }
    const resumed = this.#keys.isStranger ? undefined : this.#resume(ephemeral, sealedStatic, payload)
    return resumed ?? { reply: this.#full(XX_FALLBACK, ephemeral) }
  }

  /** Opens `clientFinish`, the third message of XX. */
  finish(frame: Uint8Array): Opened {
    const { clientFinish } = proto.HandshakeMessage.decode(frame)
    if (!clientFinish?.static || !clientFinish.payload) throw new Error('expected clientFinish')
    const clientKey = this.#state.decrypt(clientFinish.static)
    this.#state.mixKey(Curve.sharedKey(this.#ephemeral.private, clientKey))
    const payload = this.#state.decrypt(clientFinish.payload)
    return { clientKey, payload, transport: this.#state.split() }
  }

  #full(name: string, clientEphemeral: Uint8Array): Buffer {
    const state = new SymmetricState(name)
    this.#state = state
    state.mixHash(INTRO)
    state.mixHash(clientEphemeral)
    state.mixHash(this.#ephemeral.public)
    state.mixKey(Curve.sharedKey(this.#ephemeral.private, clientEphemeral))
    const sealedStatic = state.encrypt(this.#keys.noise.public)
    state.mixKey(Curve.sharedKey(this.#keys.noise.private, clientEphemeral))
    const payload = state.encrypt(this.#keys.chain)
    return encode({ ephemeral: this.#ephemeral.public, static: sealedStatic, payload })
  }

  #resume(
    clientEphemeral: Uint8Array,
    sealedStatic: Uint8Array,
    sealedPayload: Uint8Array,
  ): { reply: Buffer; opened: Opened } | undefined {
    const { noise, chain } = this.#keys
    const state = new SymmetricState(IK)
    state.mixHash(INTRO)
    state.mixHash(noise.public)
    state.mixHash(clientEphemeral)
    state.mixKey(Curve.sharedKey(noise.private, clientEphemeral))
    let clientKey: Buffer
    let payload: Buffer
    try {
      clientKey = state.decrypt(sealedStatic)
      state.mixKey(Curve.sharedKey(noise.private, clientKey))
      payload = state.decrypt(sealedPayload)
    } catch {
      return undefined // sealed for another server key: the client must learn ours
    }
    state.mixHash(this.#ephemeral.public)
    state.mixKey(Curve.sharedKey(this.#ephemeral.private, clientEphemeral))
    state.mixKey(Curve.sharedKey(this.#ephemeral.private, clientKey))
    const reply = encode({ ephemeral: this.#ephemeral.public, payload: state.encrypt(chain) })
    return { reply, opened: { clientKey, payload, transport: state.split() } }
  }
}

function encode(serverHello: proto.HandshakeMessage.IServerHello): Buffer {
  return Buffer.from(proto.HandshakeMessage.encode({ serverHello }).finish())
}
