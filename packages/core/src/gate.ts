/** Lets so many through at a time and so many in a second, in the order in which they came. */
export class Gate {
  #free: number
  /** The pause between two of them. */
  readonly #gapMs: number
  /** When the next may go, by a clock that nobody can set. */
  #next = 0
  readonly #waiting: ((leave: () => void) => void)[] = []

  constructor(atOnce: number, perSecond = Number.POSITIVE_INFINITY) {
    this.#free = atOnce
    this.#gapMs = 1_000 / perSecond
  }

  /** Resolves with what gives the place back; calling that twice is fine. */
  async enter(): Promise<() => void> {
    const leave = await this.#take()
    const now = performance.now()
    const at = Math.max(now, this.#next)
    this.#next = at + this.#gapMs
    if (at > now) await new Promise((go) => setTimeout(go, at - now))
    return leave
  }

  /**
   * Somebody was let in `agoMs` ago, by a process before this one. Less than nothing, which a clock says that was set
   * back, is now.
   */
  rest(agoMs: number): void {
    this.#next = Math.max(this.#next, performance.now() + this.#gapMs - Math.max(agoMs, 0))
  }

  #take(): Promise<() => void> {
    if (this.#free > 0) {
      this.#free--
      return Promise.resolve(this.#place())
    }
    return new Promise((enter) => this.#waiting.push(enter))
  }

  #place(): () => void {
    let isOurs = true
    return () => {
      if (!isOurs) return
      isOurs = false
      const next = this.#waiting.shift()
      if (next) next(this.#place())
      else this.#free++
    }
  }
}
