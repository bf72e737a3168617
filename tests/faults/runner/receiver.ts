import { EventEmitter } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Told {
  id: string
  event: string
  instanceId: string
  seq: number
  data: { id?: string; chatId?: string; body?: string; emoji?: string; options?: string[] | null; recovered?: boolean }
}

/** A receiver of webhooks that outlives the server and keeps everything it was sent. */
export class Receiver extends EventEmitter<{ told: [Told] }> {
  /** Each event once, in the order of its first delivery. */
  readonly told: Told[] = []
  /** Deliveries of an event that had been delivered before. */
  repeats = 0
  /** Ids under which something else came the second time, or that are not those of their event. */
  readonly changed: string[] = []
  /** The ids of all deliveries that were taken, repeats too, in their order. */
  readonly taken: string[] = []
  /** What becomes of a delivery: taken, refused with a status, or taken and not answered. */
  answer: (id: string) => 'take' | 'cut' | number = () => 'take'
  readonly #bodies = new Map<string, string>()
  #url = ''
  readonly #server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const id = String(request.headers['webhook-id'])
      const answer = this.answer(id)
      if (typeof answer === 'number') return void response.writeHead(answer).end()
      this.#take(id, Buffer.concat(parts).toString())
      if (answer === 'cut') request.socket.destroy()
      else response.end('{}')
    })
  })

  get url(): string {
    return this.#url
  }

  async open(): Promise<void> {
    await new Promise<void>((listening) => this.#server.listen(0, '127.0.0.1', listening))
    const { port } = this.#server.address() as AddressInfo // a TCP server's address
    this.#url = `http://127.0.0.1:${port}/webhook`
  }

  async close(): Promise<void> {
    await new Promise<void>((closed) => {
      this.#server.closeAllConnections()
      this.#server.close(() => closed())
    })
  }

  #take(id: string, body: string): void {
    this.taken.push(id)
    const before = this.#bodies.get(id)
    if (before !== undefined) {
      this.repeats++
      if (before !== body) this.changed.push(id)
      return
    }
    this.#bodies.set(id, body)
    const told = JSON.parse(body) as Told // the documented envelope
    if (told.id !== id) this.changed.push(id)
    this.told.push(told)
    this.emit('told', told)
  }
}
