import type { Store } from '../../../src/stores/store.ts'

/** The methods of a store, for one of which another comes. */
export function bound(inner: Store): Store {
  return { read: (work) => inner.read(work), write: (work) => inner.write(work), close: () => inner.close() }
}

export const turn = () => new Promise<void>((over) => setImmediate(over))
