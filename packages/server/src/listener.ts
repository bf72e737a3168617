import { randomUUID } from 'node:crypto'
import { createServer, type Server as HttpServer } from 'node:http'
import { isIPv6, type Socket } from 'node:net'
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

const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  maxHeaderSize: 16 * 1024,
  // Node.js' own refusal has neither a body nor a request id, and no answer here depends on the name.
  requireHostHeader: false,
}

/** @throws PORT_IN_USE when the port cannot be had */
export async function listen(fetch: Fetch, { port, host }: { port: number; host: string }): Promise<Listener> {
  const server = createServer(LIMITS)
  // srvx gives its ServerRequest, although the type of a fetch handler says Request.
  server.on('request', toNodeHandler(fetch as (request: Request) => Promise<Response>) as () => void)
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
  server.on('clientError', refuse)
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
      closing ??= closeServer(server, graceMs)
      return closing
    },
  }
}

async function closeServer(server: HttpServer, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // A client that keeps its connection for later is no reason to wait.
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), graceMs)
  // Connections become idle when their answer is out; Node.js closes those only at its next check.
  const sweep = setInterval(() => server.closeIdleConnections(), 50)
  await closed
  clearTimeout(timer)
  clearInterval(sweep)
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
