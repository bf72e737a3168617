import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export interface Visitors {
  request(request: IncomingMessage, response: ServerResponse): void
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

/** One port on which a network is reached, plain or with TLS. Knows nothing of what is said there. */
export class Listener {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(server: Server, visitors: Visitors) {
    this.#server = server
    server.on('request', visitors.request)
    server.on('upgrade', visitors.upgrade)
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
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
    // `closeAllConnections` of an HTTPS server forgets those in the middle of a TLS handshake and waits minutes for them.
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}
