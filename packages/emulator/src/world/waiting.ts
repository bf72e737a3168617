export interface WaitOptions {
  /** How long to wait, in the machine's time: the emulator's `patienceMs` by default. */
  readonly timeoutMs?: number
  /** Gives up when it is aborted. */
  readonly signal?: AbortSignal
}

/** What somebody waited for did not happen in time. Says what was seen instead. */
export class PatienceError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'PatienceError'
  }
}

/** People who wait for something that has not happened yet. */
export class Waiters<W> {
  readonly #patienceMs: number
  readonly #all = new Set<W>()

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  /**
   * `make` gives a waiter, which calls its argument when what it waits for is there. Rejects with a `PatienceError` made
   * of `complaint`, or with the reason of the signal.
   */
  wait<T>(make: (resolve: (value: T) => void) => W, complaint: () => string, options: WaitOptions = {}): Promise<T> {
    const { timeoutMs = this.#patienceMs, signal } = options
    return new Promise<T>((resolve, reject) => {
      const giveUp = () => end(() => reject(signal?.reason))
      const timer = setTimeout(() => {
        end(() => reject(new PatienceError(`${complaint()} (waited ${timeoutMs} ms)`)))
      }, timeoutMs).unref()
      const end = (settle: () => void) => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', giveUp)
        this.#all.delete(waiter)
        settle()
      }
      const waiter = make((value) => end(() => resolve(value)))
      this.#all.add(waiter)
      signal?.addEventListener('abort', giveUp)
      if (signal?.aborted) giveUp()
    })
  }

  /** Those who wait now; they may leave while the list is gone through. */
  now(): W[] {
    return [...this.#all]
  }
}
