/**
 * The end of something, for those who wait for what it may cut short. Nothing is kept of a wait that is over: a race
 * against one promise that lives as long would keep each of its racers for that time.
 */
export class Ending {
  readonly #waiting = new Set<() => void>()
  #hasCome = false

  /** What `work` gives, or undefined when the end comes first. */
  or<T>(work: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const end = () => resolve(undefined)
      if (this.#hasCome) end()
      else this.#waiting.add(end)
      work.finally(() => this.#waiting.delete(end)).then(resolve, reject)
    })
  }

  come(): void {
    this.#hasCome = true
    for (const end of this.#waiting) end()
    this.#waiting.clear()
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size
  }
}

/** What `work` gives, or `late` after `ms`; an error of `work` that comes later is nobody's. */
export async function within<T, const L>(ms: number, work: Promise<T>, late: L): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<L>((resolve) => {
    timer = setTimeout(() => resolve(late), ms)
  })
  try {
    return await Promise.race([work, over])
  } finally {
    clearTimeout(timer)
  }
}
