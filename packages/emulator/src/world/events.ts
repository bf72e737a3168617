import type { Clock } from './clock.ts'
import type { Post } from './post.ts'
import { Waiters, type WaitOptions } from './waiting.ts'

/** So many are remembered; whoever reads less often than that misses some. */
const REMEMBERED = 1000

/** What can happen. People are phone digits. */
export type Happening =
  | { readonly type: 'linked' | 'unlinked'; readonly phone: string; readonly device: number }
  /** A companion is logged in and takes its mail, or is not any more. */
  | { readonly type: 'connected' | 'disconnected'; readonly phone: string; readonly device: number }
  /** A message is on the screen of a phone or contact, once however often it arrives. */
  | {
      readonly type: 'heard'
      readonly phone: string
      readonly id: string
      readonly from: string
      readonly chat: string
      /** As `type` of a message: `text`, `image`, … */
      readonly kind: string
      readonly text: string
    }
  /** Somebody confirmed a message that a person in the emulator wrote. */
  | {
      readonly type: 'confirmed'
      readonly phone: string
      readonly id: string
      readonly by: string
      readonly receipt: string
    }
  | { readonly type: 'presence'; readonly phone: string; readonly state: 'available' | 'unavailable' }
  | {
      readonly type: 'typing'
      readonly phone: string
      readonly chat: string
      readonly state: 'composing' | 'recording' | 'paused'
    }
  /** What is worth a line in the log: unknown stanzas, mistakes of clients, connections that were dropped. */
  | { readonly type: 'warning'; readonly line: string }

export type NetworkEvent = Happening & {
  /** Place in the order of events; begins with 1 when the process does. */
  readonly seq: number
  /** Milliseconds, by the network's clock. */
  readonly at: number
}

export interface SinceOptions {
  /** Only what came after this `seq`. */
  readonly after?: number
}

/**
 * What happens in a network. What is written down is told when that has succeeded: over HTTP when it is on disk, in the
 * process at once. The last thousand are remembered, in memory.
 */
export interface Events {
  /** Calls the listener with all that comes; what it returns ends that. A listener must not throw. */
  on(listener: (event: NetworkEvent) => void): () => void
  /** What is remembered, oldest first. */
  recent(options?: SinceOptions): NetworkEvent[]
  /** The first event that fits, remembered or to come. Takes nothing away: the same question has the same answer. */
  first(fits: (event: NetworkEvent) => boolean, options?: SinceOptions & WaitOptions): Promise<NetworkEvent>
}

export class EventLog implements Events {
  readonly #clock: Clock
  readonly #post: Post
  readonly #waiters: Waiters<{
    readonly fits: (event: NetworkEvent) => boolean
    readonly resolve: (event: NetworkEvent) => void
  }>
  readonly #listeners = new Set<(event: NetworkEvent) => void>()
  #all: NetworkEvent[] = []
  #seq = 0

  constructor(clock: Clock, post: Post, patienceMs: number) {
    this.#clock = clock
    this.#post = post
    this.#waiters = new Waiters(patienceMs)
  }

  /** Inside a commit it is told after it, and not at all when it fails. */
  tell(happening: Happening): void {
    this.#post.afterwards(() => this.#tell(happening))
  }

  on(listener: (event: NetworkEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  recent({ after = 0 }: SinceOptions = {}): NetworkEvent[] {
    // A number that is not given out yet is one of an earlier process.
    const since = after > this.#seq ? 0 : after
    return this.#all.filter(({ seq }) => seq > since)
  }

  async first(fits: (event: NetworkEvent) => boolean, options: SinceOptions & WaitOptions = {}): Promise<NetworkEvent> {
    const known = this.recent(options).find(fits)
    if (known) return known
    const make = (resolve: (event: NetworkEvent) => void) => ({ fits, resolve })
    const seen = () => this.recent(options).map(({ type }) => type)
    return this.#waiters.wait(make, () => `no such event; there were: ${seen().join(', ') || 'none'}`, options)
  }

  #tell(happening: Happening): void {
    const event = { ...happening, seq: ++this.#seq, at: this.#clock.now() }
    this.#all.push(event)
    if (this.#all.length >= 2 * REMEMBERED) this.#all = this.#all.slice(-REMEMBERED)
    for (const listener of [...this.#listeners]) listener(event)
    for (const waiter of this.#waiters.now()) if (waiter.fits(event)) waiter.resolve(event)
  }
}
