import { type BinaryNode, decodeBinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys'
import type { WebSocket } from 'ws'
import { Handshake, type Opened } from '../noise/handshake.ts'
import type { Transport } from '../noise/transport.ts'
import type { ServerKeys } from '../state/server-keys.ts'
import type { Line, Turn } from '../state/turn.ts'
import { FrameReader, toFrame } from './frames.ts'

export interface ConnectionOwner {
  opened(connection: Connection, opened: Opened): void
  received(connection: Connection, node: BinaryNode): Promise<void> | void
  /** Called for every node before it goes out, unless it was encoded already. */
  sending(connection: Connection, node: BinaryNode): void
  closed(connection: Connection): void
  /** A frame that could not be read or handled; the connection is being dropped. */
  failed(connection: Connection, error: unknown): void
}

/** One socket, from the handshake to its end. Handles one frame after the other; knows nothing of what they mean. */
export class Connection {
  readonly #socket: WebSocket
  readonly #line: Line
  readonly #turn: Turn
  readonly #owner: ConnectionOwner
  readonly #handshake: Handshake
  readonly #reader = new FrameReader()
  readonly #firstFrameDelayMs: number
  #phase: 'hello' | 'finish' | 'open' = 'hello'
  #transport: Transport | undefined
  #tail: Promise<void> = Promise.resolve()
  #isClosed = false
  /** Silent: frames are swallowed in both directions, the way a dead network does it. */
  isMuted = false

  /** `line` is what carries the web socket. */
  constructor(
    socket: WebSocket,
    line: Line,
    turn: Turn,
    keys: ServerKeys,
    owner: ConnectionOwner,
    firstFrameDelayMs: number,
  ) {
    this.#socket = socket
    this.#line = line
    this.#turn = turn
    this.#owner = owner
    this.#handshake = new Handshake(keys)
    this.#firstFrameDelayMs = firstFrameDelayMs
    socket.on('message', (data, isBinary) => {
      // `ws` hands over Buffers as long as binaryType is its default, 'nodebuffer'.
      if (isBinary && Buffer.isBuffer(data)) this.#enqueue(data)
    })
    socket.on('error', () => undefined) // 'close' follows and tells the rest
    socket.on('close', () => this.#close())
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  send(node: BinaryNode): void {
    this.#owner.sending(this, node)
    this.sendEncoded(encodeBinaryNode(node))
  }

  /** Sends a node that is encoded already, the way pending stanzas are stored. */
  sendEncoded(encoded: Uint8Array): void {
    if (!this.#transport || this.#isClosed || this.isMuted) return
    this.#turn.holds(this.#line)
    this.#socket.send(toFrame(this.#transport.seal(encoded)))
  }

  /** Says a last word, if any, and closes in an orderly way. */
  end(node?: BinaryNode): void {
    if (node) this.send(node)
    this.#socket.close()
  }

  /** Cuts the line, as a dead network or a killed server would. */
  drop(): void {
    this.#socket.terminate()
  }

  /** Resolves when everything received so far has been handled. */
  settled(): Promise<void> {
    return this.#tail
  }

  #enqueue(chunk: Buffer): void {
    if (this.isMuted) return
    // Decoding is asynchronous (inflate), so without this chain a short frame could overtake a long one.
    this.#tail = this.#tail.then(() => this.#take(chunk)).catch((error: unknown) => this.#fail(error))
  }

  async #take(chunk: Buffer): Promise<void> {
    for (const frame of this.#reader.push(chunk)) {
      if (this.#isClosed) return
      await this.#handle(frame)
    }
  }

  async #handle(frame: Buffer): Promise<void> {
    if (this.#transport) {
      const node = await decodeBinaryNode(this.#transport.open(frame))
      await this.#owner.received(this, node)
    } else if (this.#phase === 'hello') {
      const { reply, opened } = this.#handshake.hello(frame)
      this.#phase = 'finish'
      this.#socket.send(toFrame(reply))
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

  #fail(error: unknown): void {
    if (this.#isClosed) return
    this.#owner.failed(this, error)
    this.drop()
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#owner.closed(this)
  }
}
