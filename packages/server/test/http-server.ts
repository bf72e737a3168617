import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** A real HTTP server on a free port of this machine, gone with the test. It answers 200 unless it is told otherwise. */
export async function httpServer(handler: RequestListener = (_, response) => void response.end()) {
  const counts = { connections: 0, requests: 0 }
  const server = createServer(handler)
  server.on('connection', () => counts.connections++)
  server.on('request', () => counts.requests++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // it listens on TCP
  /** Twice is fine. */
  const close = async () => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  onTestFinished(close)
  return { port, url: `http://127.0.0.1:${port}/`, counts, close }
}
