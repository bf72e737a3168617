import type { Store, Work } from '@wamux/core/stores'

/**
 * How one call of a store fails: before anything was done, or, for a write, when it was done and only its confirmation
 * is lost, as when a connection to PostgreSQL breaks after COMMIT.
 */
export type Blow = 'read' | 'write' | 'confirmation'

/** What no code has: whoever sees it must take it for a failed store. */
export class BrokenStore extends Error {
  override name = 'BrokenStore'
}

/** A real store whose calls can be made to fail. */
export class FaultyStore implements Store {
  readonly #inner: Store
  #blow: { kind: Blow; left: number } | undefined
  /** How often it was asked for something. */
  calls = 0

  constructor(inner: Store) {
    this.#inner = inner
  }

  /** The call number `n` of its kind from now on fails, the first being 1. */
  strike(kind: Blow, n: number): void {
    this.#blow = { kind, left: n }
  }

  /** Whether the blow that was prepared has fallen; prepares nothing any more. */
  disarm(): boolean {
    const hasFallen = this.#blow === undefined
    this.#blow = undefined
    return hasFallen
  }

  async read<T>(work: () => Work<T>): Promise<T> {
    this.calls++
    if (this.#falls('read')) throw new BrokenStore('The store could not read.')
    return this.#inner.read(work)
  }

  async write<T>(work: () => Work<T>): Promise<T> {
    this.calls++
    const confirms = !this.#falls('confirmation')
    if (this.#falls('write')) throw new BrokenStore('The store could not write.')
    const value = await this.#inner.write(work)
    if (!confirms) throw new BrokenStore('The store did not say that it has written.')
    return value
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  #falls(kind: Blow): boolean {
    const blow = this.#blow
    if (blow?.kind !== kind || --blow.left > 0) return false
    this.#blow = undefined
    return true
  }
}
