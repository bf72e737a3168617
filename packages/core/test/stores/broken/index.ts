import type { Store } from '../../../src/stores/store.ts'
import type { Place } from '../../../src/stores/testing/index.ts'
import type { SignalKeyStore } from '../../../src/whatsapp/key-store.ts'
import { KEYS } from './keys.ts'
import { PLACES } from './places.ts'
import { STORES } from './stores.ts'

/**
 * Stores and keys with one mistake each, as somebody could make it, and published tests that have to see it. Where a
 * value is cast to what it is not, that is the mistake.
 */
export type Broken = { name: string; seenBy: readonly string[] } & (
  | { store: (inner: Store) => Store }
  | { place: () => Promise<Place>; canFail?: boolean }
  | { keys: (inner: SignalKeyStore) => SignalKeyStore }
)

export const BROKEN: readonly Broken[] = [...STORES, ...PLACES, ...KEYS]
