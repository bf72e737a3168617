/**
 * A client so light that one process holds a thousand: it speaks the protocol, keeps no state but its keys, and seals
 * nothing. What it writes has the form and size of Signal messages; only contacts who are `blind` can be written to.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type BinaryNode, Curve, decodeBinaryNode, encodeBinaryNode, proto } from '@whiskeysockets/baileys'
import { WebSocket } from 'ws'
import { INTRO } from '../src/noise/handshake.ts'
import { SymmetricState } from '../src/noise/symmetric-state.ts'
import type { Transport } from '../src/noise/transport.ts'
import { FrameReader, toFrame } from '../src/stream/frames.ts'
import { bytesOf, child, el } from '../src/stream/nodes.ts'

/** What a linked client is; enough to log in again. */
export interface LightAccount {
  readonly noise: { readonly public: Buffer; readonly private: Buffer }
  readonly phone: string
  readonly device: number
}

/** As large as the ciphertext of a short text. */
const SEALED_BYTES = 150

export class LightClient {
  readonly account: LightAccount
  readonly #connection: LightConnection
  readonly #acks = new Map<string, (error: string | undefined) => void>()
  readonly #receipts = new Map<string, () => void>()
  readonly #seen = new Map<string, number>()
  #sent = 0

  /** Logs in. Resolves when the server says that nothing is waiting (any more). */
  static async login(url: string, account: LightAccount): Promise<LightClient> {
    const payload = { username: Number(account.phone), device: account.device, passive: false, pull: true }
    const connection = await LightConnection.open(url, account.noise, { ...CLIENT, ...payload })
    const client = new LightClient(account, connection)
    const waiting = Promise.withResolvers<void>()
    connection.onNode = (node) => {
      client.#take(node)
      if (child(node, 'offline')) waiting.resolve()
    }
    connection.onEnd = (why) => waiting.reject(new Error(`${account.phone} could not log in: ${why}`))
    await waiting.promise
    return client
  }

  private constructor(account: LightAccount, connection: LightConnection) {
    this.account = account
    this.#connection = connection
  }

  /** How many messages arrived, and how often each under one id. */
  get seen(): ReadonlyMap<string, number> {
    return this.#seen
  }

  /**
   * Writes to a number, on these devices, such as `491234567890` or `15550001001:1`; by default on its phone and the own
   * one. Resolves when the server has it and one of the number's devices has confirmed it.
   */
  async says(chat: string, devices = [chat, this.account.phone]): Promise<void> {
    const id = `3EB0${this.account.phone}${this.#sent++}`
    const acked = new Promise<string | undefined>((resolve) => this.#acks.set(id, resolve))
    const delivered = new Promise<void>((resolve) => this.#receipts.set(id, resolve))
    const entry = (who: string) =>
      el('to', { jid: toJid(who) }, [el('enc', { v: 2, type: 'msg' }, randomBytes(SEALED_BYTES))])
    this.#connection.send(
      el('message', { id, to: toJid(chat), type: 'text' }, [el('participants', {}, devices.map(entry))]),
    )
    const error = await acked
    if (error !== undefined) throw new Error(`The server refused ${id} with ${error}.`)
    await delivered
  }

  async end(): Promise<void> {
    await this.#connection.end()
  }

  #take(node: BinaryNode): void {
    const { id = '', from = '', type, class: tag, error, participant } = node.attrs
    if (node.tag === 'ack' && tag === 'message') {
      this.#acks.get(id)?.(error)
      this.#acks.delete(id)
    } else if (node.tag === 'message') {
      this.#seen.set(id, (this.#seen.get(id) ?? 0) + 1)
      const kind = node.attrs.category === 'peer' ? 'peer_msg' : undefined
      this.#connection.send(el('receipt', { id, to: from, type: kind, participant }))
    } else if (node.tag === 'receipt' || node.tag === 'notification') {
      this.#connection.send(el('ack', { id, to: from, class: node.tag, type, participant }))
      if (node.tag !== 'receipt' || type !== undefined) return
      this.#receipts.get(id)?.()
      this.#receipts.delete(id)
    }
  }
}

/** Links a new client; `scan` shows its QR code to a phone. */
export async function linkLight(url: string, scan: (qr: string) => Promise<void>): Promise<LightAccount> {
  const [noise, identity, signedKey] = [Curve.generateKeyPair(), Curve.generateKeyPair(), Curve.generateKeyPair()]
  const advSecret = randomBytes(32)
  const eSkeySig = Curve.sign(identity.private, Buffer.concat([Buffer.from([5]), signedKey.public]))
  const keys = { eRegid: Buffer.from([0, 0, 1, 1]), eKeytype: Buffer.from([5]), eIdent: identity.public, eSkeySig }
  const devicePairingData = { ...keys, eSkeyId: Buffer.from([0, 0, 1]), eSkeyVal: signedKey.public }
  const connection = await LightConnection.open(url, raw(noise), { ...CLIENT, passive: false, devicePairingData })
  const linked = Promise.withResolvers<LightAccount>()
  connection.onNode = (node) => {
    const { id } = node.attrs
    const refs = child(node, 'pair-device')
    const success = child(node, 'pair-success')
    if (refs) {
      connection.send(el('iq', { to: '@s.whatsapp.net', type: 'result', id }))
      const qr = [bytesOf(child(refs, 'ref')).toString(), ...[noise.public, identity.public, advSecret].map(base64)]
      scan(qr.join(',')).catch(linked.reject)
    } else if (success) {
      const sealed = proto.ADVSignedDeviceIdentityHMAC.decode(bytesOf(child(success, 'device-identity')))
      const details = Buffer.from(sealed.details ?? [])
      if (
        !createHmac('sha256', advSecret)
          .update(details)
          .digest()
          .equals(Buffer.from(sealed.hmac ?? []))
      ) {
        linked.reject(new Error('The link is not sealed with the secret of the QR code.'))
        return
      }
      const device = proto.ADVSignedDeviceIdentity.decode(details)
      const signed = [Buffer.from([6, 1]), device.details, identity.public, device.accountSignatureKey]
      device.deviceSignature = Curve.sign(
        identity.private,
        Buffer.concat(signed.map((part) => part ?? Buffer.alloc(0))),
      )
      const answer = proto.ADVSignedDeviceIdentity.encode({ ...device, accountSignatureKey: null }).finish()
      const content = [el('pair-device-sign', {}, [el('device-identity', { 'key-index': 1 }, answer)])]
      connection.send(el('iq', { to: '@s.whatsapp.net', type: 'result', id }, content))
      const [user = '', number = ''] = (child(success, 'device')?.attrs.jid ?? '').split(/[:@]/)
      const account = { noise: raw(noise), phone: user, device: Number(number) }
      connection.onEnd = () => linked.resolve(account)
    }
  }
  connection.onEnd = (why) => linked.reject(new Error(`The connection ended before the link was made: ${why}`))
  return linked.promise
}

const CLIENT = {
  userAgent: {
    platform: proto.ClientPayload.UserAgent.Platform.WEB,
    appVersion: { primary: 2, secondary: 3000, tertiary: 1 },
  },
}

/** One socket with Noise XX, whose certificates are not checked. */
class LightConnection {
  readonly #socket: WebSocket
  readonly #transport: Transport
  readonly #reader = new FrameReader()
  #tail: Promise<void> = Promise.resolve()
  #lastWord = 'the socket was closed'
  onNode: (node: BinaryNode) => void = () => undefined
  onEnd: (why: string) => void = () => undefined

  static async open(
    url: string,
    noise: LightAccount['noise'],
    payload: proto.IClientPayload,
  ): Promise<LightConnection> {
    const socket = new WebSocket(url, { perMessageDeflate: false })
    await once(socket, 'open')
    const state = new SymmetricState('Noise_XX_25519_AESGCM_SHA256\0\0\0\0')
    const ephemeral = Curve.generateKeyPair()
    state.mixHash(INTRO)
    state.mixHash(ephemeral.public)
    const hello = proto.HandshakeMessage.encode({ clientHello: { ephemeral: ephemeral.public } }).finish()
    socket.send(Buffer.concat([INTRO, toFrame(hello)]))
    const [data] = (await once(socket, 'message')) as [Buffer]
    const { serverHello } = proto.HandshakeMessage.decode(data.subarray(3))
    if (!serverHello?.ephemeral || !serverHello.static || !serverHello.payload) throw new Error('no serverHello')
    state.mixHash(serverHello.ephemeral)
    state.mixKey(Curve.sharedKey(ephemeral.private, serverHello.ephemeral))
    const serverKey = state.decrypt(serverHello.static)
    state.mixKey(Curve.sharedKey(ephemeral.private, serverKey))
    state.decrypt(serverHello.payload)
    const sealedStatic = state.encrypt(noise.public)
    state.mixKey(Curve.sharedKey(noise.private, serverHello.ephemeral))
    const sealed = state.encrypt(proto.ClientPayload.encode(payload).finish())
    const connection = new LightConnection(socket, state.split('client'))
    const finish = { clientFinish: { static: sealedStatic, payload: sealed } }
    socket.send(toFrame(proto.HandshakeMessage.encode(finish).finish()))
    return connection
  }

  private constructor(socket: WebSocket, transport: Transport) {
    this.#socket = socket
    this.#transport = transport
    this.#reader.push(INTRO) // which servers do not send
    socket.on('message', (data: Buffer) => {
      this.#tail = this.#tail.then(() => this.#read(data)).catch(() => socket.terminate())
    })
    socket.on('error', (error) => {
      this.#lastWord = error.message
    })
    socket.on('close', () => void this.#tail.then(() => this.onEnd(this.#lastWord)))
  }

  send(node: BinaryNode): void {
    this.#socket.send(toFrame(this.#transport.seal(encodeBinaryNode(node))))
  }

  async end(): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return
    this.#socket.close()
    await once(this.#socket, 'close')
  }

  async #read(data: Buffer): Promise<void> {
    for (const frame of this.#reader.push(data)) {
      const node = await decodeBinaryNode(this.#transport.open(frame))
      if (node.tag === 'stream:error' || node.tag === 'failure') this.#lastWord = JSON.stringify(node)
      this.onNode(node)
    }
  }
}

const raw = (pair: { public: Uint8Array; private: Uint8Array }) => ({
  public: Buffer.from(pair.public),
  private: Buffer.from(pair.private),
})
const toJid = (who: string) => `${who}@s.whatsapp.net`
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
