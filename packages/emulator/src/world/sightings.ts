import { Waiters, type WaitOptions } from './waiting.ts'

export type ChatState = 'composing' | 'recording' | 'paused'

/** Chat states of one person that another one remembers. */
const REMEMBERED = 50

interface Waiter {
  readonly look: () => boolean
  readonly resolve: () => void
}

/** What the people in the emulator have seen others do, for tests that wait for it. */
export class Sightings {
  readonly #states = new Map<string, ChatState[]>()
  readonly #waiters: Waiters<Waiter>

  constructor(patienceMs: number) {
    this.#waiters = new Waiters(patienceMs)
  }

  /** `viewer` sees `author` type, record or stop. */
  note(viewer: string, author: string, state: ChatState): void {
    const key = `${viewer} ${author}`
    this.#states.set(key, [...(this.#states.get(key) ?? []), state].slice(-REMEMBERED))
    this.looked()
  }

  /** Resolves with the first time that `author` did it and that no earlier call has taken. */
  typed(viewer: string, author: string, state: ChatState, options?: WaitOptions): Promise<void> {
    const key = `${viewer} ${author}`
    const take = () => {
      const states = this.#states.get(key) ?? []
      const index = states.indexOf(state)
      if (index >= 0) this.#states.set(key, states.toSpliced(index, 1))
      return index >= 0
    }
    return this.until(take, () => `${viewer} has not seen ${author} ${state}`, options)
  }

  /** Resolves when `look` is true, now or after something has changed; rejects when patience is over. */
  async until(look: () => boolean, complaint: () => string, options?: WaitOptions): Promise<void> {
    if (look()) return
    await this.#waiters.wait<void>((resolve) => ({ look, resolve: () => resolve() }), complaint, options)
  }

  /** Something has changed. */
  looked(): void {
    for (const { look, resolve } of this.#waiters.now()) if (look()) resolve()
  }
}
