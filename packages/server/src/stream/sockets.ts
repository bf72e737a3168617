import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { operations } from '@wamux/contract'
import { WamuxError } from '@wamux/core'
import { type WebSocket, WebSocketServer } from 'ws'
import { failure, toWamuxError } from '../envelope.ts'
import { readQuery, refuseKeyInUrl, validate } from '../request.ts'
import type { Services } from '../services.ts'
import { openSource, type Source } from './source.ts'

const PING_MS = 20_000
/** Of what a client sends. It has nothing to say here. */
const LONGEST_MESSAGE = 1024

const { streamEvents } = operations
const PATH = new RegExp(`^${streamEvents.path.replace('{id}', '([^/]+)')}$`)

/** Events over WebSockets. Each has its own place in the journal and is sent the next event when the last one has left. */
export class EventSockets {
  readonly #services: Services
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: LONGEST_MESSAGE, perMessageDeflate: false })
  readonly #pingMs: number
  readonly #running = new Set<Promise<void>>()

  constructor(services: Services, { pingMs = PING_MS }: { pingMs?: number } = {}) {
    this.#services = services
    this.#pingMs = pingMs
  }

  /** For the `upgrade` of an HTTP server: admits as a request would be, and answers in the same words when not. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const gone = () => socket.destroy()
    socket.on('error', gone)
    try {
      const source = await this.#open(request)
      socket.off('error', gone)
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const running = this.#run(webSocket, source).finally(() => this.#running.delete(running))
        this.#running.add(running)
      })
    } catch (thrown) {
      await refuse(socket, toWamuxError(thrown))
    }
  }

  /** Resolves when all streams have ended, which they do when the services stop. */
  async close(): Promise<void> {
    await Promise.all(this.#running)
  }

  async #open(request: IncomingMessage): Promise<Source> {
    const { access, manager, store, stopping } = this.#services
    const url = new URL(request.url ?? '/', 'http://localhost')
    refuseKeyInUrl(url.href)
    const [, id] = PATH.exec(url.pathname) ?? []
    if (id === undefined) throw new WamuxError('NOT_FOUND', 'There is no such route.')
    if (stopping.aborted) throw new WamuxError('STOPPING', 'The server is stopping.')
    const session = decodeURIComponent(id)
    await access.admit(streamEvents, toHeaders(request), session)
    const query = validate(streamEvents.query, readQuery(url))
    return openSource(store, manager.session(session), query)
  }

  async #run(socket: WebSocket, source: Source): Promise<void> {
    const left = new AbortController()
    let answered = true
    const heart = setInterval(() => {
      if (!answered) return socket.terminate()
      answered = false
      socket.ping()
    }, this.#pingMs)
    socket.on('pong', () => {
      answered = true
    })
    socket.on('message', () => socket.close(1008, 'Nothing is understood here.'))
    socket.on('error', () => socket.terminate())
    socket.on('close', () => left.abort())
    try {
      await send(socket, { cursor: source.cursor })
      for await (const event of source.events(AbortSignal.any([left.signal, this.#services.stopping]))) {
        // The next only when this one has left: who reads slowly is late, and costs no memory.
        await send(socket, event)
      }
      socket.close(1001, 'The instance or the server has stopped; go on after the last seq.')
    } catch (error) {
      if (!left.signal.aborted) this.#services.logger.error({ err: error }, 'a stream of events failed')
      socket.close(1011)
    } finally {
      clearInterval(heart)
    }
  }
}

function send(socket: WebSocket, message: object): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(JSON.stringify(message), (error) => (error ? reject(error) : resolve()))
  })
}

function toHeaders({ headers }: IncomingMessage): Headers {
  const found = new Headers()
  for (const [name, value] of Object.entries(headers)) {
    for (const one of [value ?? []].flat()) found.append(name, one)
  }
  return found
}

async function refuse(socket: Duplex, error: WamuxError): Promise<void> {
  const requestId = randomUUID()
  const response = failure(error, requestId)
  const headers = [...response.headers, ['x-request-id', requestId], ['connection', 'close']]
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.end(`HTTP/1.1 ${response.status} ${response.statusText}\r\n${head}\r\n${await response.text()}`)
}
