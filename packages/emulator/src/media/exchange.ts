import type { IncomingMessage, ServerResponse } from 'node:http'
import type { World } from '../world/world.ts'
import type { MediaFault } from './faults.ts'

/** One transfer, with what shall go wrong with it. */
export interface Exchange {
  readonly world: World
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  readonly fault: MediaFault
}

/** Answers with an error. What the client is still sending is read to its end: it would not see the answer before. */
export function refuse({ request, response }: Exchange, status: number, why: string): void {
  request.resume()
  reply({ response }, status, { error: { code: status, message: why } })
}

export function reply({ response }: Pick<Exchange, 'response'>, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
