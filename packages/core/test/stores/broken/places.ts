import { openMemoryStore, openSqliteStore } from '../../../src/stores/sqlite/store.ts'
import type { Store } from '../../../src/stores/store.ts'
import type { Place } from '../../../src/stores/testing/index.ts'
import { newFolder } from '../open.ts'
import type { Broken } from './index.ts'
import { bound, turn } from './parts.ts'

const REOPENED = 'what was written is there when it is opened again, and is built upon'
const LAST_WORDS = 'close writes what was given before it'
const OWNERS = 'a second owner is refused, the first one goes on; after it has closed another may'
const AWAY = 'while what is behind it fails it says so, for every read and every write; then it works again'

export const PLACES: readonly Broken[] = [
  {
    name: 'what is written lives as long as the process',
    place: async () => ({ open: openMemoryStore }),
    seenBy: [REOPENED, LAST_WORDS, OWNERS],
  },
  {
    name: 'close forgets what waits',
    place: async () => {
      const folder = newFolder()
      const open = async () => {
        const inner = await openSqliteStore(folder)
        let isClosed = false
        const store: Store = {
          ...bound(inner),
          async write(work) {
            await turn()
            return isClosed ? (undefined as never) : inner.write(work)
          },
          async close() {
            isClosed = true
            await inner.close()
          },
        }
        return store
      }
      return { open }
    },
    seenBy: [LAST_WORDS],
  },
  {
    name: 'a second owner is let in',
    place: async () => {
      const folder = newFolder()
      let owners = 0
      let shared: Store | undefined
      const open = async () => {
        owners++
        shared ??= await openSqliteStore(folder)
        const inner = shared
        const close = async () => {
          if (--owners > 0) return
          shared = undefined
          await inner.close()
        }
        return { ...bound(inner), close }
      }
      return { open }
    },
    seenBy: [OWNERS],
  },
  {
    name: 'a database that is away looks like an empty one',
    canFail: true,
    place: () => failing((isWrite) => isWrite),
    seenBy: [AWAY, 'while what is behind them fails they say so: never that a key is missing, never that it is kept'],
  },
  {
    name: 'a database that is away looks like one that took it',
    canFail: true,
    place: () => failing((isWrite) => !isWrite),
    seenBy: [AWAY],
  },
]

/** A store in memory that can be away; `says` whether it then says so. */
export async function failing(says: (isWrite: boolean) => boolean): Promise<Place> {
  let isAway = false
  const gone = <T>(isWrite: boolean): T => {
    if (says(isWrite)) throw new Error('away')
    return new Map() as T // what the keys take for none
  }
  return {
    open: async () => {
      const inner = await openMemoryStore()
      return {
        read: async (work) => (isAway ? gone(false) : inner.read(work)),
        write: async (work) => (isAway ? gone(true) : inner.write(work)),
        close: () => inner.close(),
      }
    },
    fail: async () => {
      isAway = true
      return async () => {
        isAway = false
      }
    },
  }
}
