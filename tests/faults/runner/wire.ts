import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** What ends every transaction of the server. */
const COMMIT = 'RELEASE unit; COMMIT'

/** What becomes of the next commit: see {@link Wire.onNextCommit}. */
export type Fate = 'lost' | 'unanswered' | 'late'

/** One connection through the wire. */
interface Line {
  near: Socket
  far: Socket
  /** What waits for the wire to carry again. */
  held: (() => void)[]
  /** It never carries anything again, and nobody is told. */
  isDead: boolean
  tail: Promise<void>
  /** What it has carried since the last commit holds what is looked for. */
  isMeant: boolean
}

/** The network between a server and its PostgreSQL, which can be slow, silent or cut. */
export class Wire {
  readonly #server: Server
  readonly #lines = new Set<Line>()
  #isSilent = false
  /** Those that were there when it fell silent. */
  #silenced: Line[] = []
  #isCut = false
  #fate: Fate | undefined
  #like = ''
  #sprung: () => void = () => {}
  #late: () => void = () => {}
  /** How long everything takes in each direction. */
  delayMs = 0

  static async to(port: number): Promise<Wire> {
    const wire = new Wire(port)
    await once(wire.#server, 'listening')
    return wire
  }

  private constructor(to: number) {
    this.#server = createServer((near) => this.#join(near, connect(to, '127.0.0.1'))).listen(0, '127.0.0.1')
  }

  get port(): number {
    const address = this.#server.address()
    if (typeof address !== 'object' || !address) throw new Error('The wire does not listen.')
    return address.port
  }

  /** Every connection ends, and nobody gets another one. */
  cut(): void {
    this.#isCut = true
    for (const line of this.#lines) end(line)
  }

  /** Nothing comes through any more, not even the end of a connection. */
  silence(): void {
    // By now PostgreSQL has noticed that the last ones were dead.
    for (const line of this.#silenced) if (line.isDead) end(line)
    this.#silenced = [...this.#lines]
    this.#isSilent = true
  }

  /** Everything works again. After a silence, what was sent comes late; or the connections that there were stay dead. */
  mend(old: 'late' | 'dead' = 'late'): void {
    this.#isCut = false
    this.#isSilent = false
    this.delayMs = 0
    if (old === 'dead') for (const line of this.#silenced) line.isDead = true
    for (const { isDead, held } of this.#lines) if (!isDead) for (const act of held.splice(0)) act()
    this.#late()
    this.#late = () => {}
  }

  /**
   * The next commit of something that holds `like` gets `lost` with its connection; or it is carried out and `unanswered`;
   * or the connection ends for who sent it, and it arrives `late`, when the wire is mended. Resolves when there was one.
   */
  onNextCommit(fate: Fate, like = ''): Promise<void> {
    this.#fate = fate
    this.#like = like
    return new Promise((resolve) => {
      this.#sprung = resolve
    })
  }

  close(): void {
    for (const line of this.#lines) end(line)
    this.#server.close()
  }

  #join(near: Socket, far: Socket): void {
    const line: Line = { near, far, held: [], isDead: false, tail: Promise.resolve(), isMeant: false }
    this.#lines.add(line)
    for (const socket of [near, far]) socket.setNoDelay(true).on('error', () => undefined) // its end is heard of below
    if (this.#isCut) end(line)
    near.on('data', (data) => {
      line.isMeant ||= data.includes(this.#like)
      const isCommit = data.includes(COMMIT)
      const { isMeant } = line
      if (isCommit) line.isMeant = false
      if (this.#fate !== undefined && isCommit && isMeant) this.#meets(line, data)
      else this.#carry(line, () => void far.write(data))
    })
    far.on('data', (data) => this.#carry(line, () => void near.write(data)))
    near.on('close', () => this.#carry(line, () => void far.end()))
    far.on('close', () => {
      this.#lines.delete(line)
      near.destroy()
    })
  }

  #meets(line: Line, data: Buffer): void {
    const fate = this.#fate
    this.#fate = undefined
    if (fate === 'lost') end(line)
    if (fate === 'unanswered') {
      line.far.write(data)
      line.far.end() // once it has read everything
      line.near.destroy()
    }
    if (fate === 'late') {
      line.isDead = true // PostgreSQL does not hear that it has ended
      line.near.destroy()
      this.#late = () => {
        line.far.write(data)
        line.far.end()
      }
    }
    this.#sprung()
  }

  #carry(line: Line, act: () => void): void {
    if (line.isDead || this.#isSilent) {
      line.held.push(act)
      return
    }
    if (this.delayMs === 0 && line.held.length === 0) {
      line.tail = line.tail.then(act)
      return
    }
    const { delayMs } = this
    line.tail = line.tail.then(() => new Promise((over) => setTimeout(over, delayMs))).then(act)
  }
}

function end({ near, far }: Line): void {
  near.destroy()
  far.destroy()
}
