import type { deliveries } from '@wamux/core/stores'
import type { Clock } from './clock.ts'

export type ChatQueue = deliveries.ChatQueue

interface Entry extends ChatQueue {
  key: string
  /** The webhook, among those of all sessions. */
  owner: string
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
const PER_WEBHOOK = 8
const PROBE_EVERY_MS = 60_000

/**
 * One queue for each (webhook, chat) that has something to deliver: one step at a time in it, many queues at once.
 * Webhooks take turns, and one whose receiver hangs holds no more than its share.
 */
export class ChatQueues {
  readonly #clock: Clock
  readonly #step: Step
  readonly #queues = new Map<string, Entry>()
  readonly #sleeping = new Map<string, Set<Entry>>()
  /** By webhook, in the order of their turns. */
  readonly #ready = new Map<string, Entry[]>()
  readonly #active = new Map<string, number>()
  readonly #running = new Set<Promise<void>>()
  #stopped = false

  constructor(clock: Clock, step: Step) {
    this.#clock = clock
    this.#step = step
  }

  /** There is something in this queue. */
  add({ session, webhook, chat }: ChatQueue): void {
    const key = JSON.stringify([session, webhook, chat])
    const known = this.#queues.get(key)
    if (known) {
      known.isStale = true
      // Without this a chat whose receiver was down for hours would stay silent for hours after it is back.
      if (known.state === 'sleeping') this.#probe(known)
      return
    }
    const entry: Entry = {
      session,
      webhook,
      chat,
      key,
      owner: ownerOf(session, webhook),
      state: 'ready',
      isStale: false,
      isProbe: false,
      steppedAt: 0,
      cancel: () => {},
    }
    this.#queues.set(key, entry)
    this.#enqueue(entry)
  }

  /** Nothing of this webhook sleeps any longer. */
  hurry(session: string, webhook: string): void {
    const owner = ownerOf(session, webhook)
    for (const entry of this.#queues.values()) {
      if (entry.owner !== owner) continue
      entry.isStale = true
      if (entry.state === 'sleeping') this.#rouse(entry)
    }
  }

  /** A step of this webhook worked: what sleeps may work too by now. */
  worked(session: string, webhook: string): void {
    for (const entry of [...(this.#sleeping.get(ownerOf(session, webhook)) ?? [])]) this.#probe(entry)
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
    const asleep = this.#sleeping.get(entry.owner)
    asleep?.delete(entry)
    if (asleep?.size === 0) this.#sleeping.delete(entry.owner)
    this.#enqueue(entry)
  }

  #sleep(entry: Entry, until: number): void {
    entry.state = 'sleeping'
    const asleep = this.#sleeping.get(entry.owner) ?? new Set()
    this.#sleeping.set(entry.owner, asleep.add(entry))
    entry.cancel = this.#clock.wake(until, () => this.#rouse(entry))
  }

  #enqueue(entry: Entry): void {
    if (this.#stopped) return
    entry.state = 'ready'
    const ready = this.#ready.get(entry.owner)
    if (ready) ready.push(entry)
    else this.#ready.set(entry.owner, [entry])
    this.#pump()
  }

  #pump(): void {
    for (const [owner, ready] of [...this.#ready]) {
      while (this.#running.size < ALL && (this.#active.get(owner) ?? 0) < PER_WEBHOOK) {
        const entry = ready.shift()
        if (!entry) break
        this.#run(entry)
      }
      this.#ready.delete(owner)
      // Behind the others: it has had its turn.
      if (ready.length > 0) this.#ready.set(owner, ready)
    }
  }

  #run(entry: Entry): void {
    entry.state = 'running'
    entry.isStale = false
    entry.steppedAt = this.#clock.now()
    const { isProbe } = entry
    entry.isProbe = false
    this.#active.set(entry.owner, (this.#active.get(entry.owner) ?? 0) + 1)
    const running = this.#step(entry, isProbe).then((next) => {
      this.#running.delete(running)
      const active = (this.#active.get(entry.owner) ?? 1) - 1
      if (active > 0) this.#active.set(entry.owner, active)
      else this.#active.delete(entry.owner)
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

const ownerOf = (session: string, webhook: string) => JSON.stringify([session, webhook])
