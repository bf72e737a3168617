import type { deliveries } from '@wamux/core/stores'
import { Breaker } from './breaker.ts'
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
  /** When it was last attempted to deliver something of it. */
  attemptedAt: number
  cancel: () => void
}

export interface Stepped {
  /** When the queue has its next step (ms since the epoch), or null when it is empty. */
  next: number | null
  /** How the attempt went; `idle` when nothing was due. */
  went: 'worked' | 'failed' | 'idle'
  /** For how long the receiver asks to be left alone. */
  pauseMs?: number
}

/**
 * One look at a queue, with an attempt when something is due. A probe is an attempt before that time, because there is
 * a reason to believe that it would work now. Never rejects.
 */
export type Step = (queue: ChatQueue, isProbe: boolean) => Promise<Stepped>

const ALL = 64
/** Less than a tenth of all. */
const PER_WEBHOOK = 6
/** An attempt that takes longer leaves its place to others, up to this many. */
const PROMPT_MS = 250
const MOST = 512
const PROBE_EVERY_MS = 60_000

/**
 * One queue for each (webhook, chat) that has something to deliver: one step at a time in it, many queues at once.
 * Webhooks take turns, and one whose receiver hangs or fails holds no more than its share.
 */
export class ChatQueues {
  readonly #clock: Clock
  readonly #step: Step
  readonly #queues = new Map<string, Entry>()
  readonly #sleeping = new Map<string, Set<Entry>>()
  /** By webhook, in the order of their turns. */
  readonly #ready = new Map<string, Entry[]>()
  readonly #active = new Map<string, number>()
  /** Of webhooks of which something failed. */
  readonly #breakers = new Map<string, Breaker>()
  /** Of webhooks that are ready and have to wait. */
  readonly #alarms = new Map<string, () => void>()
  readonly #running = new Set<Promise<void>>()
  #prompt = 0
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
      if (known.state === 'sleeping') this.#look(known)
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
      attemptedAt: 0,
      cancel: () => {},
    }
    this.#queues.set(key, entry)
    this.#enqueue(entry)
  }

  /** Nothing of this webhook sleeps any longer, and what is known of its receiver is forgotten. */
  hurry(session: string, webhook: string): void {
    const owner = ownerOf(session, webhook)
    this.#breakers.delete(owner)
    for (const entry of this.#queues.values()) {
      if (entry.owner !== owner) continue
      entry.isStale = true
      if (entry.state === 'sleeping') this.#rouse(entry)
    }
    this.#pump()
  }

  /** The receiver of this webhook failed in an earlier process. */
  distrust(session: string, webhook: string): void {
    this.#breakers.set(ownerOf(session, webhook), new Breaker(true))
  }

  /** Resolves when no step runs. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  /** Begins no step any more and waits for those that have begun. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const { cancel } of this.#queues.values()) cancel()
    for (const cancel of this.#alarms.values()) cancel()
    this.#ready.clear()
    await this.idle()
  }

  /** A step for what sleeps: a probe, unless there was an attempt just now. */
  #look(entry: Entry): void {
    entry.isProbe = this.#clock.steady() - entry.attemptedAt >= PROBE_EVERY_MS
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

  /** One of each webhook, then another of each, as long as there is room. */
  #pump(): void {
    let isMore = true
    while (isMore) {
      isMore = false
      for (const [owner, ready] of [...this.#ready]) {
        if (this.#prompt >= ALL || this.#running.size >= MOST) return
        if (!this.#mayRun(owner)) continue
        const entry = ready.shift()
        this.#ready.delete(owner)
        // Behind the others: it has had its turn.
        if (ready.length > 0) this.#ready.set(owner, ready)
        if (!entry) continue
        this.#run(entry)
        isMore = true
      }
    }
  }

  #mayRun(owner: string): boolean {
    const breaker = this.#breakers.get(owner)
    const active = this.#active.get(owner) ?? 0
    if (active >= (breaker?.isTripped ? 1 : PER_WEBHOOK)) return false
    const now = this.#clock.steady()
    const at = breaker?.notBefore(now) ?? 0
    if (at <= now) return true
    if (!this.#alarms.has(owner)) {
      const cancel = this.#clock.wake(at, () => {
        this.#alarms.delete(owner)
        this.#pump()
      })
      this.#alarms.set(owner, cancel)
    }
    return false
  }

  #run(entry: Entry): void {
    entry.state = 'running'
    entry.isStale = false
    const { isProbe, owner } = entry
    entry.isProbe = false
    this.#active.set(owner, (this.#active.get(owner) ?? 0) + 1)
    this.#prompt++
    let isPrompt = true
    const leavePlace = () => {
      if (isPrompt) this.#prompt--
      isPrompt = false
    }
    // Not by the clock, which a test may have stopped: this is about what hangs.
    const patience = setTimeout(() => {
      leavePlace()
      this.#pump()
    }, PROMPT_MS)
    patience.unref()
    const running = this.#step(entry, isProbe).then((stepped) => {
      clearTimeout(patience)
      leavePlace()
      this.#running.delete(running)
      const active = (this.#active.get(owner) ?? 1) - 1
      if (active > 0) this.#active.set(owner, active)
      else this.#active.delete(owner)
      if (this.#stopped) return
      this.#learn(entry, stepped)
      this.#settle(entry, stepped.next)
      this.#pump()
    })
    this.#running.add(running)
  }

  /** What an attempt says about the receiver. */
  #learn(entry: Entry, { went, pauseMs }: Stepped): void {
    if (went === 'idle') return
    const { owner } = entry
    const now = this.#clock.steady()
    entry.attemptedAt = now
    const breaker = this.#breakers.get(owner) ?? new Breaker()
    if (went === 'failed') {
      this.#breakers.set(owner, breaker)
      breaker.failed(now, pauseMs)
      return
    }
    const isBack = breaker.isTripped
    breaker.worked()
    if (breaker.notBefore(now) <= now) this.#breakers.delete(owner)
    // What sleeps may work too by now, at once where everything had failed.
    for (const sleeper of [...(this.#sleeping.get(owner) ?? [])]) {
      if (isBack || now - sleeper.attemptedAt >= PROBE_EVERY_MS) {
        sleeper.isProbe = true
        this.#rouse(sleeper)
      }
    }
  }

  #settle(entry: Entry, next: number | null): void {
    if (next === null && !entry.isStale) {
      this.#queues.delete(entry.key)
    } else if (next === null || next <= this.#clock.steady() || entry.isStale) {
      // Stale: a step that found nothing due may have been overtaken by hurry(), and its answer was of before.
      this.#enqueue(entry)
    } else {
      this.#sleep(entry, next)
    }
  }
}

const ownerOf = (session: string, webhook: string) => JSON.stringify([session, webhook])
