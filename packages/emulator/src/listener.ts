import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export interface Visitors {
  request(request: IncomingMessage, response: ServerResponse): void
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

/** The certificate of the server and its key, as PEM. */
export interface Credentials {
  readonly cert: string
  readonly key: string
}

/** What a TLS client sends first: the type of a handshake record. No HTTP method begins with it. */
const HANDSHAKE = 0x16

/**
 * One port on which a network is reached, plain or with TLS: the first byte of each connection tells which. Knows
 * nothing of what is said there.
 */
export class Listener {
  readonly #visitors: Visitors
  readonly #credentials: () => Credentials
  readonly #server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#welcome(socket))
  readonly #plain: Server
  #secure: Server | undefined
  readonly #sockets = new Set<Socket>()

  /** `credentials` are asked for when the first TLS client is there. */
  constructor(visitors: Visitors, credentials: () => Credentials) {
    this.#visitors = visitors
    this.#credentials = credentials
    this.#plain = this.#serve(createHttpServer())
  }

  /** Resolves with the port, which is a free one for 0. Rejects when it is taken. */
  open(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject)
        const address = this.#server.address()
        // A server that listens on TCP has an address with a port.
        resolve(typeof address === 'object' && address ? address.port : port)
      })
    })
  }

  /** Cuts everybody off. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #welcome(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    const leave = () => socket.destroy()
    socket.on('error', leave)
    socket.once('end', leave)
    socket.once('data', (chunk) => {
      socket.off('error', leave)
      socket.off('end', leave)
      // Given back unread: the server that takes over must see the connection from its first byte.
      socket.pause()
      socket.unshift(chunk)
      const server = chunk[0] === HANDSHAKE ? this.#tlsServer() : this.#plain
      server.emit('connection', socket)
      // A plain server waits for what flows; one with TLS has taken the socket from under us and reads it itself.
      if (server === this.#plain) socket.resume()
    })
  }

  #tlsServer(): Server {
    this.#secure ??= this.#serve(createHttpsServer(this.#credentials()))
    return this.#secure
  }

  #serve(server: Server): Server {
    server.on('upgrade', (request, socket, head) => {
      // The server has let go of it, and an error that nobody listens for would end the process.
      socket.on('error', () => socket.destroy())
      this.#visitors.upgrade(request, socket, head)
    })
    return server.on('request', this.#visitors.request)
  }
}
