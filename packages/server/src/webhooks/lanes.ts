import type { Clock } from './clock.ts'

export interface Lane {
  session: string
  chat: string
}

interface Entry extends Lane {
  key: string
  state: 'ready' | 'running' | 'sleeping'
  /** Somebody added to it while it ran: its last look may have been too early. */
  isStale: boolean
  cancel: () => void
}

const ALL = 64
const PER_SESSION = 8

/**
 * One lane for each (session, chat) that has something to deliver: one step at a time in a lane, many lanes at once.
 * Sessions take turns, and a session whose receiver hangs holds no more than its share.
 */
export class Lanes {
  readonly #clock: Clock
  readonly #step: (lane: Lane) => Promise<number | null>
  readonly #lanes = new Map<string, Entry>()
  /** By session, in the order of their turns. */
  readonly #ready = new Map<string, Entry[]>()
  readonly #active = new Map<string, number>()
  readonly #running = new Set<Promise<void>>()
  #stopped = false

  /** `step` answers when the lane has its next step (ms since the epoch), or null when it is empty. It never rejects. */
  constructor(clock: Clock, step: (lane: Lane) => Promise<number | null>) {
    this.#clock = clock
    this.#step = step
  }

  /** There is something in this lane. */
  add(session: string, chat: string): void {
    const key = JSON.stringify([session, chat])
    const known = this.#lanes.get(key)
    if (known) {
      known.isStale = true
      return
    }
    const entry: Entry = { session, chat, key, state: 'ready', isStale: false, cancel: () => {} }
    this.#lanes.set(key, entry)
    this.#enqueue(entry)
  }

  /** Nothing of this session sleeps any longer. */
  hurry(session: string): void {
    for (const entry of this.#lanes.values()) {
      if (entry.session !== session) continue
      entry.isStale = true
      if (entry.state !== 'sleeping') continue
      entry.cancel()
      this.#enqueue(entry)
    }
  }

  /** Begins no step any more and waits for those that have begun. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const { cancel } of this.#lanes.values()) cancel()
    this.#ready.clear()
    await Promise.all(this.#running)
  }

  #enqueue(entry: Entry): void {
    if (this.#stopped) return
    entry.state = 'ready'
    const queue = this.#ready.get(entry.session)
    if (queue) queue.push(entry)
    else this.#ready.set(entry.session, [entry])
    this.#pump()
  }

  #pump(): void {
    for (const [session, queue] of [...this.#ready]) {
      while (this.#running.size < ALL && (this.#active.get(session) ?? 0) < PER_SESSION) {
        const entry = queue.shift()
        if (!entry) break
        this.#run(entry)
      }
      this.#ready.delete(session)
      // Behind the others: it has had its turn.
      if (queue.length > 0) this.#ready.set(session, queue)
    }
  }

  #run(entry: Entry): void {
    entry.state = 'running'
    entry.isStale = false
    this.#active.set(entry.session, (this.#active.get(entry.session) ?? 0) + 1)
    const running = this.#step(entry).then((next) => {
      this.#running.delete(running)
      const active = (this.#active.get(entry.session) ?? 1) - 1
      if (active > 0) this.#active.set(entry.session, active)
      else this.#active.delete(entry.session)
      if (!this.#stopped) this.#settle(entry, next)
      this.#pump()
    })
    this.#running.add(running)
  }

  #settle(entry: Entry, next: number | null): void {
    if (next === null && !entry.isStale) {
      this.#lanes.delete(entry.key)
    } else if (next === null || next <= this.#clock.now()) {
      this.#enqueue(entry)
    } else {
      entry.state = 'sleeping'
      entry.cancel = this.#clock.wake(next, () => this.#enqueue(entry))
      // A step that found nothing due may have been overtaken by hurry(): then the answer was of before.
      if (entry.isStale) {
        entry.cancel()
        this.#enqueue(entry)
      }
    }
  }
}
