import type { Store } from '../store.ts'

/** What is needed of a test runner. That of Node.js has it, Vitest and Jest have it; Mocha calls `test` `it`. */
export interface Runner {
  describe(name: string, body: () => void): unknown
  test(name: string, body: () => Promise<void>): unknown
}

/** Somewhere a store can keep things: a folder, a schema, a server. */
export interface Place {
  /** Opens the store under test there. Called again later, it finds what was written before. */
  open(): Promise<Store>
  /** Makes what is behind the store fail, until the function that it resolves with is called. See `canFail`. */
  fail?(): Promise<() => Promise<void>>
  /** Called at the end of a test, whatever came of it. All stores are closed by then. */
  remove?(): Promise<void>
}

export interface StoreUnderTest {
  /** For the titles of the tests. */
  name: string
  /** A place where nothing is kept yet. */
  newPlace(): Promise<Place>
  /** What it keeps ends with `close`, and nobody else can open it: nothing is tested of either. Default false. */
  isInMemory?: boolean
  /** Its places have `fail`, which is what is tested then. Default false. */
  canFail?: boolean
}

/** A test on a store that is new and closed afterwards. */
export function onStore(
  { newPlace }: StoreUnderTest,
  body: (store: Store, place: Place) => Promise<void>,
): () => Promise<void> {
  return async () => {
    const place = await newPlace()
    try {
      const store = await place.open()
      try {
        await body(store, place)
      } finally {
        await store.close()
      }
    } finally {
      await place.remove?.()
    }
  }
}
