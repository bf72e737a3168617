import { EventEmitter } from 'eventemitter3'
import type { Logger } from './options.ts'
import type { EventEnvelope, EventName } from './shared.ts'
import * as journal from './stores/sql/journal.ts'
import * as sessions from './stores/sql/sessions.ts'
import type { Store } from './stores/store.ts'

/** What listeners get: the envelope of each event under its name, and all of them under `event`. */
export type Events = { [E in EventName]: (envelope: EventEnvelope<E>) => void } & {
  event: (envelope: EventEnvelope) => void
}

/**
 * Tells listeners, each by itself: one that throws, or whose promise rejects, is reported, and neither the others nor
 * the account hear of it.
 */
export class Teller extends EventEmitter<Events> {
  readonly #logger: Logger

  constructor(logger: Logger) {
    super()
    this.#logger = logger
  }

  tell(envelope: EventEnvelope): void {
    this.#to(envelope.event, envelope)
    this.#to('event', envelope)
  }

  override once<E extends EventEmitter.EventNames<Events>>(
    event: E,
    listener: EventEmitter.EventListener<Events, E>,
    context?: unknown,
  ): this {
    // tell() calls the listeners itself, so it must take these off itself.
    const only = ((...args: Parameters<typeof listener>) => {
      this.off(event, only)
      return listener.apply(context ?? this, args)
    }) as typeof listener
    return this.on(event, only)
  }

  #to(event: keyof Events, envelope: EventEnvelope): void {
    for (const listener of this.listeners(event) as ((envelope: EventEnvelope) => unknown)[]) {
      try {
        // An async listener returns a promise, whatever its type says.
        Promise.resolve(listener(envelope)).catch((error: unknown) => this.#report(event, error))
      } catch (error) {
        this.#report(event, error)
      }
    }
  }

  #report(event: string, error: unknown): void {
    this.#logger.error({ error, event }, 'a listener threw')
  }
}

/** How often the place up to which listeners were told is written. */
const SAVE_MS = 500
/** After how long a journal that could not be read is read again: nobody may ring any more. */
const AGAIN_MS = 1_000
const AT_ONCE = 200

/**
 * Reads the journal of a session and tells what is new, in order. What was committed and not told when the process
 * ended is told by the next one, so a listener hears of each event at least once, and after kill -9 perhaps twice.
 */
export class Announcer {
  readonly #store: Store
  readonly #session: string
  readonly #tell: (envelope: EventEnvelope) => void
  readonly #report: (error: unknown) => void
  #told: number
  #saved: number
  #reading: Promise<void> | undefined
  #rungAgain = false
  #isOver = false
  #timer: NodeJS.Timeout | undefined
  #again: NodeJS.Timeout | undefined

  constructor(options: {
    store: Store
    session: string
    announced: number
    tell: (envelope: EventEnvelope) => void
    report: (error: unknown) => void
  }) {
    this.#store = options.store
    this.#session = options.session
    this.#told = options.announced
    this.#saved = options.announced
    this.#tell = options.tell
    this.#report = options.report
  }

  /** Something may be new. Cheap to call too often. */
  ring(): void {
    // A commit that ends after the session has: the next process tells of it.
    if (this.#isOver) return
    this.#rungAgain = true
    this.#reading ??= this.#read()
      .catch((error: unknown) => {
        this.#report(error)
        clearTimeout(this.#again)
        this.#again = setTimeout(() => this.ring(), AGAIN_MS).unref()
      })
      .finally(() => {
        this.#reading = undefined
        if (this.#rungAgain) this.ring()
      })
  }

  /** Tells what is left and writes how far it came. */
  async stop(): Promise<void> {
    this.ring()
    while (this.#reading) await this.#reading
    this.#isOver = true
    clearTimeout(this.#timer)
    clearTimeout(this.#again)
    await this.#save()
  }

  async #read(): Promise<void> {
    this.#rungAgain = false
    for (;;) {
      const entries = await this.#store.read(() => journal.after(this.#session, this.#told, AT_ONCE))
      for (const { seq, id, event, timestamp, data } of entries) {
        this.#told = seq
        this.#tell({ id, event, sessionId: this.#session, seq, timestamp, data })
      }
      if (entries.length > 0) this.#saveLater()
      if (entries.length < AT_ONCE) return
    }
  }

  #saveLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#save().catch(this.#report)
    }, SAVE_MS)
    this.#timer.unref()
  }

  async #save(): Promise<void> {
    const told = this.#told
    if (told === this.#saved) return
    await this.#store.write(() => sessions.setAnnounced(this.#session, told))
    this.#saved = told
  }
}
