import type { deliveries } from '@wamux/core/stores'
import type { Clock } from './clock.ts'

export type ChatQueue = deliveries.ChatQueue

interface Entry extends ChatQueue {
  key: string
  state: 'ready' | 'running' | 'sleeping'
  /** Somebody added to it while it ran: its last look may have been too early. */
  isStale: boolean
  /** Its next step is before its time. */
  isProbe: boolean
  steppedAt: number
  cancel: () => void
}

/**
 * Answers when the queue has its next step (ms since the epoch), or null when it is empty. A probe is a step before that
 * time, because there is a reason to believe that it would work now. Never rejects.
 */
export type Step = (queue: ChatQueue, isProbe: boolean) => Promise<number | null>

const ALL = 64
const PER_SESSION = 8
const PROBE_EVERY_MS = 60_000

/**
 * One queue for each (session, chat) that has something to deliver: one step at a time in it, many queues at once.
 * Sessions take turns, and a session whose receiver hangs holds no more than its share.
 */
export class ChatQueues {
  readonly #clock: Clock
  readonly #step: Step
  readonly #queues = new Map<string, Entry>()
  readonly #sleeping = new Map<string, Set<Entry>>()
  /** By session, in the order of their turns. */
  readonly #ready = new Map<string, Entry[]>()
  readonly #active = new Map<string, number>()
  readonly #running = new Set<Promise<void>>()
  #stopped = false

  constructor(clock: Clock, step: Step) {
    this.#clock = clock
    this.#step = step
  }

  /** There is something in this queue. */
  add(session: string, chat: string): void {
    const key = JSON.stringify([session, chat])
    const known = this.#queues.get(key)
    if (known) {
      known.isStale = true
      // Without this a chat whose receiver was down for hours would stay silent for hours after it is back.
      if (known.state === 'sleeping') this.#probe(known)
      return
    }
    const entry: Entry = {
      session,
      chat,
      key,
      state: 'ready',
      isStale: false,
      isProbe: false,
      steppedAt: 0,
      cancel: () => {},
    }
    this.#queues.set(key, entry)
    this.#enqueue(entry)
  }

  /** Nothing of this session sleeps any longer. */
  hurry(session: string): void {
    for (const entry of this.#queues.values()) {
      if (entry.session !== session) continue
      entry.isStale = true
      if (entry.state === 'sleeping') this.#rouse(entry)
    }
  }

  /** A step of this session worked: what sleeps may work too by now. */
  worked(session: string): void {
    for (const entry of [...(this.#sleeping.get(session) ?? [])]) this.#probe(entry)
  }

  /** Begins no step any more and waits for those that have begun. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const { cancel } of this.#queues.values()) cancel()
    this.#ready.clear()
    await Promise.all(this.#running)
  }

  #probe(entry: Entry): void {
    if (this.#clock.now() - entry.steppedAt < PROBE_EVERY_MS) return
    entry.isProbe = true
    this.#rouse(entry)
  }

  #rouse(entry: Entry): void {
    entry.cancel()
    const asleep = this.#sleeping.get(entry.session)
    asleep?.delete(entry)
    if (asleep?.size === 0) this.#sleeping.delete(entry.session)
    this.#enqueue(entry)
  }

  #sleep(entry: Entry, until: number): void {
    entry.state = 'sleeping'
    const asleep = this.#sleeping.get(entry.session) ?? new Set()
    this.#sleeping.set(entry.session, asleep.add(entry))
    entry.cancel = this.#clock.wake(until, () => this.#rouse(entry))
  }

  #enqueue(entry: Entry): void {
    if (this.#stopped) return
    entry.state = 'ready'
    const ready = this.#ready.get(entry.session)
    if (ready) ready.push(entry)
    else this.#ready.set(entry.session, [entry])
    this.#pump()
  }

  #pump(): void {
    for (const [session, ready] of [...this.#ready]) {
      while (this.#running.size < ALL && (this.#active.get(session) ?? 0) < PER_SESSION) {
        const entry = ready.shift()
        if (!entry) break
        this.#run(entry)
      }
      this.#ready.delete(session)
      // Behind the others: it has had its turn.
      if (ready.length > 0) this.#ready.set(session, ready)
    }
  }

  #run(entry: Entry): void {
    entry.state = 'running'
    entry.isStale = false
    entry.steppedAt = this.#clock.now()
    const { isProbe } = entry
    entry.isProbe = false
    this.#active.set(entry.session, (this.#active.get(entry.session) ?? 0) + 1)
    const running = this.#step(entry, isProbe).then((next) => {
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
      this.#queues.delete(entry.key)
    } else if (next === null || next <= this.#clock.now() || entry.isStale) {
      // Stale: a step that found nothing due may have been overtaken by hurry(), and its answer was of before.
      this.#enqueue(entry)
    } else {
      this.#sleep(entry, next)
    }
  }
}
