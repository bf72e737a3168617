import type { Store, Work } from '../store.ts'

export interface SlowOptions {
  /** The same seed draws the same delays. */
  seed: number
  /** In ms, drawn evenly from 0 to this. Default 5. */
  maxMs?: number
}

/**
 * The same store behind a network that takes its time: every call waits before it is done and before it is answered.
 * Writes keep the order in which they were given, as a {@link Store} promises; nothing else is in step any more, which
 * is what shows code that leans on a store that answers at once.
 */
export function slowStore(inner: Store, { seed, maxMs = 5 }: SlowOptions): Store {
  const random = chance(seed)
  const pause = () => new Promise<void>((over) => setTimeout(over, Math.floor(random() * (maxMs + 1))))
  let before: Promise<unknown> = Promise.resolve()
  const reads = new Set<Promise<unknown>>()
  return {
    async read<T>(work: () => Work<T>): Promise<T> {
      const reading = pause().then(() => inner.read(work))
      reads.add(reading)
      try {
        const value = await reading
        await pause()
        return value
      } finally {
        reads.delete(reading)
      }
    },
    async write<T>(work: () => Work<T>): Promise<T> {
      const begun = Promise.all([before, pause()])
      before = begun
      await begun
      const value = await inner.write(work)
      await pause()
      return value
    },
    async close() {
      await Promise.allSettled([before, ...reads])
      await inner.close()
    },
  }
}

/** Chance that can be repeated: numbers from 0 to 1. */
function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return state / 2 ** 32
  }
}
