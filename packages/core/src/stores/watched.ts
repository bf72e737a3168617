import { isFaultOfWork, type Store } from './store.ts'

const failures = new WeakSet<object>()

/** Whether an error is that of a store which failed, whatever it looks like: a repeat of the request may do better. */
export function isOfStore(error: unknown): boolean {
  return typeof error === 'object' && error !== null && failures.has(error)
}

/**
 * The same store, with word of every failure that is its own. Whoever keeps in memory what is on disk too cannot know
 * after one whether a write was kept: a connection that breaks after COMMIT confirms nothing.
 */
export function watched(store: Store, onFailed: (error: unknown) => void): Store {
  const watching = async <T>(done: Promise<T>): Promise<T> => {
    try {
      return await done
    } catch (error) {
      if (!isFaultOfWork(error)) {
        if (error instanceof Error) failures.add(error)
        onFailed(error)
      }
      throw error
    }
  }
  return {
    read: (work) => watching(store.read(work)),
    write: (work) => watching(store.write(work)),
    close: () => store.close(),
  }
}
