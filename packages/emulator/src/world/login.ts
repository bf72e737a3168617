import { type BinaryNode, decodeBinaryNode } from '@whiskeysockets/baileys'
import type { StanzaLog } from '../stanza-log.ts'
import type { Connection } from '../stream/connection.ts'
import { el, SERVER } from '../stream/nodes.ts'
import type { Clock } from './clock.ts'
import type { Pending, Post } from './post.ts'

const BATCH = 200

/** One companion's connection after it has logged in: what the handlers see of a socket. */
export class Login {
  readonly phone: string
  readonly device: number
  readonly connection: Connection
  readonly #post: Post
  readonly #clock: Clock
  readonly #wire: StanzaLog
  /** The last pending stanza that went out on this connection. */
  #sentUpTo = 0
  #isActive = false
  /** Whether everything that was pending has been sent, up to what is fetched next. */
  #isCaughtUp = false
  #pumping: Promise<void> | undefined
  #rungAgain = false
  /** Of the stanzas that have waited: the next one's number. */
  #place = 0
  #isHeldUp = false
  #resume: (() => void) | undefined
  /** Said by the client itself; nothing is withheld from one that is not. */
  isAvailable = false

  constructor(
    who: { phone: string; device: number },
    connection: Connection,
    post: Post,
    clock: Clock,
    wire: StanzaLog,
  ) {
    this.phone = who.phone
    this.device = who.device
    this.connection = connection
    this.#post = post
    this.#clock = clock
    this.#wire = wire
  }

  get address(): string {
    return `${this.phone}:${this.device}`
  }

  get isActive(): boolean {
    return this.#isActive
  }

  get sentUpTo(): number {
    return this.#sentUpTo
  }

  send(node: BinaryNode): void {
    this.connection.send(node)
  }

  /** The client wants its mail. Hands over what has waited, marked as offline, and says when that was all. */
  async activate(): Promise<void> {
    if (this.#isActive) return // some clients say it in the login and once more
    this.#isActive = true
    const { counts, total, last } = this.#post.missed(this.phone, this.device)
    if (total > 0) {
      const { message = 0, receipt = 0, notification = 0 } = counts
      const preview = { count: total, message, receipt, notification, appdata: 0, t: this.#clock.seconds() }
      this.send(el('ib', { from: SERVER }, [el('offline_preview', preview)]))
    }
    this.#pumping = this.#pumpOffline(last).then(() => {
      this.send(el('ib', { from: SERVER }, [el('offline', { count: total })]))
    })
    await this.#pumping
    this.#pumping = undefined
    this.fetch()
  }

  /** What held up the queue may be gone. */
  resume(): void {
    const resume = this.#resume
    this.#resume = undefined
    if (!this.#isHeldUp) return
    if (resume) resume()
    else this.fetch()
  }

  /** There may be something to fetch. When nothing else is, `fresh` goes out without being read back. */
  fetch(fresh: readonly Pending[] = []): void {
    if (!this.#isActive || this.connection.isClosed) return
    if (this.#pumping) {
      this.#rungAgain = true
      return
    }
    this.#pumping = (this.#isAll(fresh) ? this.#handOver(fresh) : this.#pump())
      // What could not be sent is still in the table; the client fetches it with its next connection.
      .catch((error: unknown) => this.connection.fail(error))
      .then(() => {
        this.#pumping = undefined
        if (!this.#rungAgain) return
        this.#rungAgain = false
        this.fetch()
      })
  }

  async #pumpOffline(last: number): Promise<void> {
    for (;;) {
      await this.#pump(last)
      if (!this.#isHeldUp) return
      await new Promise<void>((resolve) => {
        this.#resume = resolve
      })
    }
  }

  #isAll(fresh: readonly Pending[]): boolean {
    if (fresh.length === 0 || !this.#isCaughtUp || this.#wire.isOn || this.connection.isCongested) return false
    return this.#post.barrier(this.phone, this.device) === Number.POSITIVE_INFINITY
  }

  async #handOver(fresh: readonly Pending[]): Promise<void> {
    await undefined // whoever queued this may have something to say first, such as the ack of what caused it
    for (const { seq, body } of fresh) {
      this.connection.sendEncoded(body)
      this.#sentUpTo = seq
    }
  }

  /** Sends what is pending, in order of arrival; with `offlineUpTo` only up to that stanza, marked as having waited. */
  async #pump(offlineUpTo = Number.POSITIVE_INFINITY): Promise<void> {
    const isOffline = offlineUpTo < Number.POSITIVE_INFINITY
    const barrier = this.#post.barrier(this.phone, this.device)
    this.#isHeldUp = false
    this.#isCaughtUp = false
    for (;;) {
      await this.connection.drained()
      const batch = this.#post.after(this.phone, this.device, this.#sentUpTo, BATCH)
      for (const { seq, body } of batch) {
        if (this.connection.isClosed || seq > offlineUpTo) return
        this.#isHeldUp = seq > barrier
        if (this.#isHeldUp) return
        const node = isOffline || this.#wire.isOn ? await decodeBinaryNode(body) : undefined
        if (node && isOffline) node.attrs.offline = String(this.#place++)
        if (node) this.send(node)
        else this.connection.sendEncoded(body)
        this.#sentUpTo = seq
      }
      this.#isCaughtUp = batch.length < BATCH
      if (this.#isCaughtUp) return
      await new Promise((resolve) => setImmediate(resolve)) // a long queue must not starve the other sockets
    }
  }
}
