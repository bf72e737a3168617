/** Lets so many through at a time, the others in the order in which they came. */
export class Gate {
  #free: number
  readonly #waiting: ((leave: () => void) => void)[] = []

  constructor(atOnce: number) {
    this.#free = atOnce
  }

  /** Resolves with what gives the place back; calling that twice is fine. */
  enter(): Promise<() => void> {
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
