/** A person needs longer than this to answer; a bot does not. */
const AT_ONCE_MS = 4_000
/** So many answers in a row that come at once are a bot's. */
const IN_A_ROW = 3

/** Tells a conversation from two machines that answer each other's answers. */
export class Patience {
  readonly #talks = new Map<string, { answeredAt: number; inARow: number }>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Whether `who` is to be answered now; if so it is taken as answered. */
  allows(who: string): boolean {
    const at = this.#now()
    const talk = this.#talks.get(who)
    const inARow = talk && at - talk.answeredAt < AT_ONCE_MS ? talk.inARow + 1 : 0
    if (inARow >= IN_A_ROW) return false
    this.#talks.set(who, { answeredAt: at, inARow })
    return true
  }
}
