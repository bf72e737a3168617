import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { type BinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys'
import { TOKEN_MAP } from '@whiskeysockets/baileys/lib/WABinary/constants.js'
import type { WebSocket } from 'ws'
import type { KickReason } from '../faults/goodbyes.ts'
import type { Passage, Surroundings } from '../faults/passage.ts'
import type { Direction } from '../faults/rules.ts'
import { type Credentials, Handshake, type Opened } from '../noise/handshake.ts'
import type { Transport } from '../noise/transport.ts'
import type { Turn } from '../state/turn.ts'
import { FrameReader, toFrame } from './frames.ts'
import { decodeStanza } from './inflate.ts'

// Baileys' encoder looks its words up in a plain object: ids such as `constructor` would be found there, and be sent as nothing.
Object.setPrototypeOf(TOKEN_MAP, null)

export interface ConnectionOwner {
  opened(connection: Connection, opened: Opened): void
  received(connection: Connection, node: BinaryNode): Promise<void> | void
  /** Called for every node before it goes out, unless it was encoded already. */
  sending(connection: Connection, node: BinaryNode): void
  closed(connection: Connection): void
  /** Something could not be read, handled or sent; the connection is being dropped. */
  failed(connection: Connection, error: unknown): void
  /** What a fault does in the server's place. */
  refused(connection: Connection, node: BinaryNode, code: number, text: string | undefined): void
  kicked(connection: Connection, reason: KickReason, id: string | undefined): void
}

/** The faults that may lie in wait for stanzas. */
export interface Interference {
  concerns(direction: Direction): boolean
  passage(direction: Direction, around: Surroundings): Passage
}

/**
 * What becomes of what one side says: frames are `swallowed`, while the socket lives; or no byte is read or written any
 * more, and afterwards all of it arrives (`held`) or the line is found cut (`lost`).
 */
export type Silence = 'swallowed' | 'held' | 'lost'

export interface ConnectionParts {
  /** What carries the web socket. */
  readonly line: Duplex
  /** How the client called us, with its port: the Host of its request. */
  readonly host: string
  readonly turn: Turn
  /** What the server shows of itself to those who say hello. */
  readonly credentials: () => Credentials
  readonly owner: ConnectionOwner
  readonly interference: Interference
  readonly firstFrameDelayMs: number
}

/** Bytes: a few batches of ordinary stanzas. */
const MUCH = 1024 * 1024

/** One socket, from the handshake to its end. Handles one frame after the other; knows nothing of what they mean. */
export class Connection {
  /** How the client called us, with its port: the Host of its request. */
  readonly host: string
  readonly #socket: WebSocket
  readonly #line: Duplex
  readonly #turn: Turn
  readonly #owner: ConnectionOwner
  readonly #credentials: () => Credentials
  readonly #interference: Interference
  readonly #reader = new FrameReader()
  readonly #firstFrameDelayMs: number
  readonly #passages: { [direction in Direction]?: Passage } = {}
  readonly #silence: { [direction in Direction]?: Silence | undefined } = {}
  #heldFrames: Uint8Array[] = []
  #phase: 'hello' | 'finish' | 'open' = 'hello'
  #handshake: Handshake | undefined
  #transport: Transport | undefined
  #tail: Promise<void> = Promise.resolve()
  #isClosed = false
  #isTorn = false
  /** The companion that has logged in on it. */
  who: { readonly phone: string; readonly device: number } | undefined

  constructor(socket: WebSocket, parts: ConnectionParts) {
    this.#socket = socket
    this.#line = parts.line
    this.host = parts.host
    this.#turn = parts.turn
    this.#owner = parts.owner
    this.#credentials = parts.credentials
    this.#interference = parts.interference
    this.#firstFrameDelayMs = parts.firstFrameDelayMs
    socket.on('message', (data, isBinary) => {
      // `ws` hands over Buffers as long as binaryType is its default, 'nodebuffer'.
      if (isBinary && Buffer.isBuffer(data)) this.#enqueue(data)
    })
    socket.on('ping', (data: Buffer) => {
      if (!this.#silence['to-client']) socket.pong(data)
    })
    socket.on('error', () => undefined) // 'close' follows and tells the rest
    socket.on('close', () => this.#close())
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Whether the handshake is done. */
  get isOpen(): boolean {
    return this.#phase === 'open'
  }

  /** Whether a fault keeps its client waiting. */
  get isSilent(): boolean {
    return Object.values(this.#silence).some((how) => how !== undefined)
  }

  /** More is waiting for the client to read it than anybody would want to keep in memory. */
  get isCongested(): boolean {
    return this.#line.writableLength > MUCH
  }

  /** Resolves when the client has read most of what was sent to it, or is gone. */
  async drained(): Promise<void> {
    if (!this.isCongested || this.#isClosed) return
    const over = new AbortController()
    const { signal } = over
    await Promise.race([once(this.#line, 'drain', { signal }), once(this.#socket, 'close', { signal })])
    over.abort()
  }

  send(node: BinaryNode): void {
    const passage = this.#passage('to-client')
    if (passage) this.#watch(passage.pass(node))
    else this.#put(node)
  }

  /** Sends a node that is encoded already, the way pending stanzas are stored. */
  sendEncoded(encoded: Buffer): void {
    const passage = this.#passage('to-client')
    if (passage && !passage.isClear) this.#watch(passage.passEncoded(encoded))
    else this.#write(encoded)
  }

  /** Sends these bytes as the content of a frame, whatever they are. */
  sendSealed(plain: Uint8Array): void {
    this.#write(plain)
  }

  /** Sends these bytes as they are, sealed by nobody. */
  sendRaw(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#emit(bytes)
  }

  /** Sends something that is not binary: nothing that WhatsApp's server would do. */
  sendText(text: string): void {
    if (!this.#isClosed) this.#emit(text)
  }

  seal(plain: Uint8Array): Buffer | undefined {
    return this.#transport?.seal(plain)
  }

  /** Says a last word, if any, and closes in an orderly way. */
  end(node?: BinaryNode): void {
    if (this.#silence['to-client'] === 'lost') return
    if (node) this.#put(node)
    this.#socket.close()
  }

  /** Cuts the line, as a dead network or a killed server would. */
  drop(): void {
    this.#socket.terminate()
  }

  /** Something of its client could not be read, handled or sent: says so, and cuts the line. */
  fail(error: unknown): void {
    if (this.#isClosed) return
    this.#owner.failed(this, error)
    this.drop()
  }

  /** Sends the first half of a frame. The other half never comes, nor anything else. */
  tear(node: BinaryNode): void {
    if (!this.#transport) return
    const frame = toFrame(this.#transport.seal(encodeBinaryNode(node)))
    this.sendRaw(frame.subarray(0, Math.ceil(frame.length / 2)))
    this.#isTorn = true
  }

  silence(direction: Direction, how: Silence | undefined): void {
    const before = this.#silence[direction]
    if (before === how || this.#isClosed) return
    this.#silence[direction] = how
    if (before === 'lost') this.drop()
    else if (direction === 'from-client') {
      if (how === 'held' || how === 'lost') this.#socket.pause()
      else this.#socket.resume()
    } else if (before === 'held') {
      const frames = this.#heldFrames
      this.#heldFrames = []
      for (const frame of frames) this.#transmit(frame)
    }
  }

  /** Resolves when everything received so far has been handled. */
  settled(): Promise<void> {
    return this.#tail
  }

  #put(node: BinaryNode): void {
    this.#owner.sending(this, node)
    this.#write(encodeBinaryNode(node))
  }

  #write(encoded: Uint8Array): void {
    if (!this.#transport || this.#isClosed || this.#silence['to-client'] === 'swallowed') return
    this.#transmit(toFrame(this.#transport.seal(encoded)))
  }

  #transmit(frame: Uint8Array): void {
    const silence = this.#silence['to-client']
    if (silence === 'held') this.#heldFrames.push(frame)
    else if (!silence && !this.#isTorn) this.#emit(frame)
  }

  #emit(data: Uint8Array | string): void {
    this.#turn.holds(this.#line)
    this.#socket.send(data)
  }

  #enqueue(chunk: Buffer): void {
    if (this.#silence['from-client'] === 'swallowed') return
    // Decoding is asynchronous (inflate), so without this chain a short frame could overtake a long one.
    this.#inTurn(() => this.#take(chunk))
  }

  #inTurn(job: () => Promise<void> | void): void {
    this.#tail = this.#tail.then(job).catch((error: unknown) => this.fail(error))
  }

  async #take(chunk: Buffer): Promise<void> {
    for (const frame of this.#reader.push(chunk)) {
      if (this.#isClosed) return
      await this.#handle(frame)
    }
  }

  async #handle(frame: Buffer): Promise<void> {
    if (this.#transport) {
      const node = await decodeStanza(this.#transport.open(frame))
      const passage = this.#passage('from-client')
      await (passage ? passage.pass(node) : this.#owner.received(this, node))
    } else if (!this.#handshake) {
      this.#handshake = new Handshake(this.#credentials())
      const { reply, opened } = this.#handshake.hello(frame)
      this.#phase = 'finish'
      this.#transmit(toFrame(reply))
      if (opened) await this.#open(opened)
    } else {
      await this.#open(this.#handshake.finish(frame))
    }
  }

  async #open(opened: Opened): Promise<void> {
    this.#phase = 'open'
    this.#transport = opened.transport
    // Older JavaScript clients derive their transport keys after the write of clientFinish; a frame that is there
    // earlier is taken for part of the handshake and kills their process.
    if (this.#firstFrameDelayMs > 0) {
      await new Promise((resolve) => setTimeout(resolve, this.#firstFrameDelayMs))
    }
    if (!this.#isClosed) this.#owner.opened(this, opened)
  }

  /** Made when the first fault concerns it: most connections never see one. */
  #passage(direction: Direction): Passage | undefined {
    const known = this.#passages[direction]
    if (known || this.#isClosed || !this.#interference.concerns(direction)) return known
    const made = this.#interference.passage(direction, this.#surroundings(direction))
    this.#passages[direction] = made
    return made
  }

  #surroundings(direction: Direction): Surroundings {
    const who = () => this.who
    const receive = (node: BinaryNode) => this.#owner.received(this, node)
    const write = (node: BinaryNode) => this.#put(node)
    const isInbound = direction === 'from-client'
    return {
      get who() {
        return who()
      },
      deliver: isInbound ? receive : write,
      deliverLate: isInbound ? (node) => this.#inTurn(() => receive(node)) : write,
      refuse: (node, code, text) => this.#owner.refused(this, node, code, text),
      kick: (reason, node) => this.#owner.kicked(this, reason, node.attrs.id),
      tear: (node) => this.tear(node),
    }
  }

  #watch(passing: void | Promise<void>): void {
    passing?.catch((error: unknown) => this.fail(error))
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const passage of Object.values(this.#passages)) passage.close()
    this.#owner.closed(this)
  }
}
