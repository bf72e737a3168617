/** Keeps what arrives until somebody asks for it: a test waits for things, never for time. */
export class Inbox<T> {
  readonly all: T[] = []
  #taken = new Set<T>()
  #waiting: { match: (thing: T) => boolean; give: (thing: T) => void }[] = []

  put(thing: T): void {
    this.all.push(thing)
    const index = this.#waiting.findIndex(({ match }) => match(thing))
    if (index < 0) return
    this.#taken.add(thing)
    this.#waiting.splice(index, 1)[0]?.give(thing)
  }

  /** The first that matches and nobody took yet; resolves at once if it is there. */
  next(match: (thing: T) => boolean): Promise<T> {
    const here = this.all.find((thing) => !this.#taken.has(thing) && match(thing))
    if (here !== undefined) {
      this.#taken.add(here)
      return Promise.resolve(here)
    }
    return new Promise((give) => this.#waiting.push({ match, give }))
  }
}
