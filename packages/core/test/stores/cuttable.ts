import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A way to the database that can be cut. */
export interface Cuttable {
  port: number
  /** Every connection through it ends at once; new ones come through. */
  cut(): void
  /** Keeps back the next of its messages that holds this, and the end of its connection; returns what delivers it. */
  withhold(what: string): () => void
  /** The same as {@link cut}, and new ones are refused until {@link mend}. */
  fail(): Promise<void>
  mend(): Promise<void>
  close(): Promise<void>
}

export async function cuttable(to: number): Promise<Cuttable> {
  const sockets = new Set<Socket>()
  let wanted: string | undefined
  let deliver = () => {}
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    let isHeard = true
    near.on('data', (data) => {
      if (wanted !== undefined && data.includes(wanted)) {
        wanted = undefined
        isHeard = false
        deliver = () => far.write(data)
      }
      if (isHeard) far.write(data)
    })
    far.pipe(near)
    for (const [one, two] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('error', () => undefined)
      one.on('close', () => {
        sockets.delete(one)
        if (isHeard || one === far) two.destroy()
      })
    }
  })
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (typeof address !== 'object' || !address) throw new Error('The proxy does not listen.')
    return address.port
  }
  const port = await listen(0)
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  const fail = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    cut()
    await closed
  }
  const withhold = (what: string) => {
    wanted = what
    return () => deliver()
  }
  return { port, cut, withhold, fail, mend: async () => void (await listen(port)), close: fail }
}
