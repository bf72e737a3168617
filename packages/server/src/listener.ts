import { randomUUID } from 'node:crypto'
import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http'
import { isIPv6, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WamuxError } from '@wamux/core'
import { toNodeHandler } from 'srvx/node'
import type { Fetch } from './app.ts'
import { failure } from './envelope.ts'

/** One open port: HTTP in, a fetch handler behind it. Slow and idle clients can hold neither it nor its closing. */
export interface Listener {
  port: number
  url: string
  /** Accepts nothing any more, lets requests finish for `graceMs`, then ends what is left. Twice is fine. */
  close(graceMs?: number): Promise<void>
}

export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  maxHeaderSize: 16 * 1024,
  // Node.js' own refusal has neither a body nor a request id, and no answer here depends on the name.
  requireHostHeader: false,
}

/** @throws PORT_IN_USE when the port cannot be had */
export async function listen(
  fetch: Fetch,
  { port, host, upgrade }: { port: number; host: string; upgrade?: Upgrade },
): Promise<Listener> {
  const server = createServer(LIMITS)
  const connections = new Connections(server)
  // srvx gives its ServerRequest, although the type of a fetch handler says Request.
  server.on('request', toNodeHandler(fetch as (request: Request) => Promise<Response>) as () => void)
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
  server.on('clientError', refuse)
  if (upgrade) server.on('upgrade', upgrade)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(toPortError(error, port)))
    server.listen(port, host, resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('A listening server has an address.')
  let closing: Promise<void> | undefined
  return {
    port: address.port,
    url: `http://${isIPv6(host) ? `[${host}]` : host}:${address.port}`,
    close: (graceMs = 5_000) => {
      closing ??= connections.close(graceMs)
      return closing
    },
  }
}

/**
 * Knows which connections have a request in hand. Node.js' own closeIdleConnections() leaves those alone that have not
 * said anything yet, and a client that opens connections ahead would hold up the end.
 */
class Connections {
  readonly #server: HttpServer
  readonly #requests = new Map<Socket, number>()
  #closing = false

  constructor(server: HttpServer) {
    this.#server = server
    server.on('connection', (socket: Socket) => {
      this.#requests.set(socket, 0)
      socket.once('close', () => this.#requests.delete(socket))
    })
    server.on('request', ({ socket }, response) => {
      this.#count(socket, +1)
      response.once('close', () => this.#count(socket, -1))
    })
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const [socket, requests] of this.#requests) if (requests === 0) socket.destroy()
    const timer = setTimeout(() => this.#server.closeAllConnections(), graceMs)
    await closed
    clearTimeout(timer)
  }

  #count(socket: Socket, change: 1 | -1): void {
    const requests = this.#requests.get(socket)
    if (requests === undefined) return
    this.#requests.set(socket, requests + change)
    // The answer is out: what has been written is still flushed.
    if (this.#closing && requests + change === 0) socket.end()
  }
}

function toPortError(error: NodeJS.ErrnoException, port: number): Error {
  if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') return error
  const why = error.code === 'EACCES' ? 'may not be opened' : 'is in use'
  return new WamuxError('PORT_IN_USE', `Port ${port} ${why}.`, { port }, { cause: error })
}

/** What is not HTTP gets the documented answer too; Node.js' own has no body. */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const requestId = randomUUID()
  const issues = [{ path: 'request', message: 'is not HTTP' }]
  const response = failure(new WamuxError('INVALID_INPUT', 'The request cannot be read.', { issues }), requestId)
  response.text().then(
    (body) =>
      socket.end(
        `HTTP/1.1 400 Bad Request\r\ncontent-type: application/json; charset=utf-8\r\nx-request-id: ${requestId}\r\n` +
          `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
      ),
    () => socket.destroy(),
  )
}
