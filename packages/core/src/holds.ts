import { type Ending, within } from './ending.ts'
import { isNewChat, type Limits, limitOn, type Waits } from './limits.ts'
import { type Logger, SEND_DEADLINE_MS } from './options.ts'
import { type Reachout, restrict, restrictedUntil, restrictionOn } from './restriction.ts'
import type { Account } from './shared.ts'
import * as rows from './stores/sql/outbox.ts'
import type { Restriction } from './stores/sql/restrictions.ts'
import type { Store, Work } from './stores/store.ts'
import type { Wire } from './wire.ts'

export interface HoldsOptions {
  session: string
  store: Store
  account: () => Account | null
  logger: Logger
  limits?: Limits
}

/** Until when a message has to wait, and its whole time, which begins then. */
export interface Hold {
  until: number
  deadline: number
  /** Rows that have more than this need not be written for it. */
  enough: number
}

/** A message that waits has about a day from then on: its row is not written for less than this. */
const TOLERANCE_MS = 60 * 60_000
/** WhatsApp is asked why it refuses; meanwhile whoever sent the message waits, for less long than for a send. */
const ASK_MS = 5_000

/**
 * What holds messages of one session up besides their turn: limits, and WhatsApp when it lets the account begin no
 * chats. All of it is on disk; here is what saves to look there for every message.
 */
export class Holds {
  readonly #options: HoldsOptions
  /** Until when no chats can be begun. */
  #until = 0
  /** WhatsApp is being asked why it refused to begin a chat. */
  #asking: Promise<Reachout | undefined> | undefined

  constructor(options: HoldsOptions) {
    this.#options = options
  }

  /** Whether a message may have to wait at all. */
  get areThere(): boolean {
    const { newChatsPerDay, messagesPerChatPerHour } = this.#options.limits ?? {}
    const isLimited = newChatsPerDay !== undefined || messagesPerChatPerHour !== undefined
    return isLimited || this.#asking !== undefined || this.#until > Date.now()
  }

  /** What was true when the process ended. */
  know(restriction: Restriction | undefined): void {
    this.#until = restriction?.until ?? 0
  }

  /** What holds up a message to `chat` now; `onWire` are the chats of those that go. Its chat's rows are given their time. */
  async on(chat: string, account: string, onWire: readonly string[]): Promise<Hold | undefined> {
    const { session, store, limits = {} } = this.#options
    const isAsking = this.#asking !== undefined
    const now = Date.now()
    const held = await store.read(function* (): Work<Waits | undefined> {
      let opening = 0
      for (const other of onWire) if (yield* isNewChat(session, other)) opening++
      // Whether another chat may be begun is known soon.
      if (isAsking && (yield* isNewChat(session, chat)))
        return { waitsFor: 'account_restricted', waitsUntil: now + ASK_MS }
      const restricted = yield* restrictionOn(session, account, chat, now)
      return restricted ?? (yield* limitOn(session, chat, limits, opening))
    })
    if (!held) return undefined
    const until = held.waitsUntil ?? now
    const deadline = until + SEND_DEADLINE_MS
    const enough = deadline - TOLERANCE_MS
    await store.write(() => rows.prolong(session, chat, deadline, enough))
    return { until, deadline, enough }
  }

  /**
   * WhatsApp refused to begin a chat: asks how the account stands, once for all that are refused together. Undefined
   * when there is no answer, or the end comes before.
   */
  async ask(wire: Wire | undefined, ended: Ending): Promise<Reachout | undefined> {
    this.#asking ??= this.#answer(wire, ended).finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  /** Writes down how the account stands. */
  *note(reachout: Reachout | undefined, now: number): Work<void> {
    const { session, account } = this.#options
    const until = restrictedUntil(reachout, now)
    yield* restrict(session, account()?.phone ?? '', until, reachout?.reason ?? null, now)
    this.#until = until ?? 0
  }

  async #answer(wire: Wire | undefined, ended: Ending): Promise<Reachout | undefined> {
    const { session, logger } = this.#options
    if (!wire) return undefined
    try {
      return await within(ASK_MS, ended.or(wire.reachout()), undefined)
    } catch (error) {
      logger.warn({ error, session }, 'WhatsApp does not say why no chat can be begun')
      return undefined
    }
  }
}
