import { Waiters, type WaitOptions } from '../world/waiting.ts'

/** A fault that was asked for. */
export interface Fault {
  /** Names it in the control API. */
  readonly id: string
  /** What it does and to whom, to print. */
  readonly what: string
  /** How often it has struck. */
  readonly count: number
  /** Resolves when it has struck so often, once by default: at once if it has already. Rejects with a `PatienceError`. */
  struck(times?: number, options?: WaitOptions): Promise<void>
  /** Ends it. What it holds back goes on its way, in the order in which it came. */
  lift(): void
}

/** One fault: strikes until it is lifted, or as often as it was asked to. */
export class Trouble implements Fault {
  readonly id: string
  readonly what: string
  readonly #waiters: Waiters<() => void>
  readonly #endings = new Set<() => void>()
  #left: number
  #count = 0
  #isLifted = false

  constructor(id: string, what: string, times: number, patienceMs: number) {
    this.id = id
    this.what = what
    this.#left = times
    this.#waiters = new Waiters(patienceMs)
  }

  get count(): number {
    return this.#count
  }

  get isOver(): boolean {
    return this.#isLifted || this.#left <= 0
  }

  /** Whether it strikes now; if so that counts. */
  strikes(): boolean {
    if (this.isOver) return false
    this.#left--
    this.#count++
    for (const look of this.#waiters.now()) look()
    return true
  }

  struck(times = 1, options: WaitOptions = {}): Promise<void> {
    if (this.#count >= times) return Promise.resolve()
    return this.#waiters.wait<void>(
      (resolve) => () => {
        if (this.#count >= times) resolve()
      },
      () => `${this.what}: struck ${this.#count} times of ${times}`,
      options,
    )
  }

  lift(): void {
    if (this.#isLifted) return
    this.#isLifted = true
    const endings = [...this.#endings]
    this.#endings.clear()
    for (const end of endings) end()
  }

  /** Runs `end` when it is lifted: at once if it is. */
  onLifted(end: () => void): void {
    if (this.#isLifted) end()
    else this.#endings.add(end)
  }
}

/** All faults of a network that nobody has lifted. */
export class Troubles {
  readonly #patienceMs: number
  readonly #all = new Map<string, Trouble>()
  #next = 1

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  add(what: string, times = Number.POSITIVE_INFINITY): Trouble {
    if (!(times >= 1)) throw new RangeError(`A fault strikes at least once, not ${times} times.`)
    const trouble = new Trouble(`fault-${this.#next++}`, what, times, this.#patienceMs)
    this.#all.set(trouble.id, trouble)
    trouble.onLifted(() => this.#all.delete(trouble.id))
    return trouble
  }

  get all(): readonly Trouble[] {
    return [...this.#all.values()]
  }

  lift(): void {
    for (const trouble of this.all) trouble.lift()
  }
}
