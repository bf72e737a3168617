/** The part of a socket that a turn needs: a Duplex has it. */
export interface Line {
  cork(): void
  uncork(): void
  destroy(): void
}

export interface Commit {
  begin(): void
  /** Throws when what was written since `begin` cannot be kept; it is undone then. */
  end(): void
}

/**
 * One turn of the event loop: what is written in it is one commit, and what is said in it goes out after that commit,
 * one write per socket. Many clients who write at the same moment share the costly parts, and nobody is told of
 * anything that a kill could still take back.
 */
export class Turn {
  readonly #commit: Commit
  readonly #failed: (error: unknown) => void
  readonly #held = new Set<Line>()
  #isWriting = false
  #isScheduled = false
  #waiting: PromiseWithResolvers<void> | undefined

  /** `failed` hears of commits that did not succeed: the sockets that would have told of them are cut. */
  constructor(commit: Commit, failed: (error: unknown) => void) {
    this.#commit = commit
    this.#failed = failed
  }

  /** Something is going to be written. */
  writes(): void {
    if (this.#isWriting) return
    this.#commit.begin()
    this.#isWriting = true
    this.#schedule()
  }

  /** Something is going to be said on this line. */
  holds(line: Line): void {
    if (this.#held.has(line)) return
    line.cork()
    this.#held.add(line)
    this.#schedule()
  }

  /** Resolves when everything that was written so far is kept for good. Rejects when it could not be. */
  kept(): Promise<void> {
    if (!this.#isWriting) return Promise.resolve()
    this.#waiting ??= Promise.withResolvers<void>()
    return this.#waiting.promise
  }

  /** Now instead of at the end of the turn. */
  end(): void {
    this.keep()
    for (const line of this.#held) line.uncork()
    this.#held.clear()
  }

  /** Commits what is written, and lets nothing out yet. */
  keep(): void {
    if (!this.#isWriting) return
    this.#isWriting = false
    const waiting = this.#waiting
    this.#waiting = undefined
    try {
      this.#commit.end()
      waiting?.resolve()
    } catch (error) {
      for (const line of this.#held) line.destroy()
      this.#held.clear()
      waiting?.reject(error)
      this.#failed(error)
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    // After all sockets that have something to read in this turn.
    setImmediate(() => {
      this.#isScheduled = false
      this.end()
    })
  }
}
