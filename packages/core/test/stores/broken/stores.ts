import { WamuxError } from '../../../src/errors.ts'
import type { Row, Statement, Store, Value, Work } from '../../../src/stores/store.ts'
import type { Broken } from './index.ts'
import { bound, turn } from './parts.ts'

interface Changes {
  /** What is asked instead; undefined for nothing. `n` counts the statements of the work. */
  ask?(statement: Statement, n: number): Statement | undefined
  answer?(value: Value): Value
}

/** The same store, whose statements and answers are others. */
const changing =
  ({ ask = (statement) => statement, answer = (value) => value }: Changes) =>
  (inner: Store): Store => {
    function* changed<T>(work: Work<T>): Work<T> {
      let step = work.next()
      for (let n = 0; !step.done; n++) {
        let found: Row[] = []
        const statement = ask(step.value, n)
        try {
          if (statement) found = yield statement
        } catch (error) {
          work.throw(error)
          throw error
        }
        step = work.next(found.map((row) => mapped(row, answer)))
      }
      return step.value
    }
    return {
      read: (work) => inner.read(() => changed(work())),
      write: (work) => inner.write(() => changed(work())),
      close: () => inner.close(),
    }
  }

const mapped = (row: Row, change: (value: Value) => Value): Row =>
  Object.fromEntries(Object.entries(row).map(([column, value]) => [column, change(value)]))
const params = (change: (value: Value) => Value) =>
  changing({ ask: ({ sql, params }) => ({ sql, params: params.map(change) }) })

/** Each statement by itself, with a turn between two of them. */
async function apart<T>(work: Work<T>, ask: (statement: Statement) => Promise<Row[]>): Promise<T> {
  let step = work.next()
  while (!step.done) {
    step = work.next(await ask(step.value))
    await turn()
  }
  return step.value
}
function* one(statement: Statement): Work<Row[]> {
  return yield statement
}

const MANY_TABLES = 'what one work writes into several tables is kept as a whole, or nothing of it'
const READ_BACK = 'gives back what was written, once the write has resolved'
const ALONE = 'a work that throws undoes only itself while it shares a commit'
const THOUSAND = '1,000 writes at once, some of which fail: each counts once, or not at all'
const NO_EMPTY = 'a failed read is thrown, and never looks like an empty result'
const NO_SWALLOW = 'a work may clean up, but not swallow a statement that failed'
const NUMBERS = 'numbers come back as numbers, as large as they get; null is neither 0 nor an empty text'
const LARGE = 'takes values of 1 MB, as text and as bytes'
const HOSTILE = 'hostile ids are ids like any other: as sessions, types, keys and names'

export const STORES: readonly Broken[] = [
  {
    name: 'the fifth row of a write is lost',
    store: changing({ ask: (statement, n) => (n === 4 && /^INSERT/.test(statement.sql) ? undefined : statement) }),
    seenBy: [MANY_TABLES],
  },
  {
    name: 'each statement of a write is a commit of its own',
    store: (inner) => ({
      ...bound(inner),
      write: (work) => apart(work(), (statement) => inner.write(() => one(statement))),
    }),
    seenBy: [MANY_TABLES, ALONE],
  },
  {
    name: 'each statement of a read sees another moment',
    store: (inner) => ({
      ...bound(inner),
      read: (work) => apart(work(), (statement) => inner.read(() => one(statement))),
    }),
    seenBy: ['whoever reads sees a commit as a whole'],
  },
  {
    name: 'a read that fails finds nothing',
    store: (inner) => ({
      ...bound(inner),
      read: (work) => apart(work(), (statement) => inner.read(() => one(statement)).catch(() => [])),
    }),
    seenBy: [NO_EMPTY],
  },
  {
    name: 'a write that fails says nothing of it',
    store: (inner) => ({
      ...bound(inner),
      write: (work) => inner.write(work).catch(() => undefined as never),
    }),
    seenBy: [NO_SWALLOW, MANY_TABLES, ALONE],
  },
  {
    name: 'what was read once is remembered for ever',
    store: (inner) => {
      const kept = new Map<string, Promise<Row[]>>()
      const remembered = (statement: Statement) => {
        const key = JSON.stringify(statement)
        const found = kept.get(key) ?? inner.read(() => one(statement))
        kept.set(key, found)
        return found
      }
      return { ...bound(inner), read: (work) => apart(work(), remembered) }
    },
    seenBy: [READ_BACK],
  },
  {
    name: 'a write is confirmed before it is committed',
    store: (inner) => ({
      ...bound(inner),
      async write(work) {
        const value = await tried(inner, work)
        setTimeout(() => inner.write(work).catch(() => undefined))
        return value
      },
    }),
    seenBy: [READ_BACK],
  },
  {
    name: 'a write is confirmed with nothing',
    store: (inner) => ({ ...bound(inner), write: (work) => inner.write(work).then(() => undefined as never) }),
    seenBy: ['resolves with what the work returned, and a work sees what it wrote itself'],
  },
  {
    name: 'writes overtake one another',
    store: (inner) => {
      let count = 0
      return {
        ...bound(inner),
        async write(work) {
          if (count++ % 2 === 1) await turn()
          return inner.write(work)
        },
      }
    },
    seenBy: ['writes happen in the order in which they were given, each seeing those before it'],
  },
  {
    name: 'a commit is tried again that was kept',
    store: (inner) => ({ ...bound(inner), write: (work) => inner.write(work).then(() => inner.write(work)) }),
    seenBy: [THOUSAND],
  },
  {
    name: 'a read may write',
    store: (inner) => ({ ...bound(inner), read: (work) => inner.write(work) }),
    seenBy: ['a read must not write'],
  },
  {
    name: 'whatever goes wrong is a store that failed',
    store: (inner) => {
      const failed = (cause: unknown) => {
        throw new WamuxError('STORE_FAILED', String(cause), undefined, { cause })
      }
      return {
        ...bound(inner),
        read: (work) => inner.read(work).catch(failed),
        write: (work) => inner.write(work).catch(failed),
      }
    },
    seenBy: ['a row that may not be is known as the fault of the work: no session stops for it'],
  },
  {
    name: 'a store that is closed finds nothing',
    store: (inner) => {
      let isClosed = false
      return {
        read: async (work) => (isClosed ? (undefined as never) : inner.read(work)),
        write: async (work) => (isClosed ? (undefined as never) : inner.write(work)),
        async close() {
          isClosed = true
          await inner.close()
        },
      }
    },
    seenBy: ['a store that is closed rejects; to close it again does nothing'],
  },
  {
    name: 'a read that waits for its turn is forgotten by close',
    store: (inner) => ({ ...bound(inner), read: (work) => turn().then(() => inner.read(work)) }),
    seenBy: ['close lets whatever was given before it come to its end, reads as well as writes'],
  },
  {
    name: 'bytes are taken for a text',
    store: params((value) => (value instanceof Uint8Array ? Buffer.from(Buffer.from(value).toString()) : value)),
    seenBy: ['bytes come back as they were'],
  },
  {
    name: 'numbers come back as texts',
    store: changing({ answer: (value) => (typeof value === 'number' ? `${value}` : value) }),
    seenBy: [NUMBERS],
  },
  { name: 'null becomes an empty text', store: params((value) => value ?? ''), seenBy: [NUMBERS] },
  {
    name: 'long texts are cut off',
    store: params((value) => (typeof value === 'string' ? value.slice(0, 65_535) : value)),
    seenBy: [LARGE],
  },
  {
    name: 'long bytes are cut off',
    store: params((value) => (value instanceof Uint8Array ? value.subarray(0, 65_535) : value)),
    seenBy: [LARGE],
  },
  {
    name: 'a text ends at NUL',
    store: params((value) => (typeof value === 'string' ? value.replace(/\0.*$/s, '') : value)),
    seenBy: [HOSTILE],
  },
  {
    name: 'texts are brought into one spelling of Unicode',
    store: params((value) => (typeof value === 'string' ? value.normalize() : value)),
    seenBy: [HOSTILE],
  },
  {
    name: 'the kinds of keys are mixed up',
    store: changing({
      ask({ sql, params }) {
        const [session = null, , ...more] = params
        return / keys /.test(sql) ? { sql, params: [session, 'one', ...more] } : { sql, params }
      },
    }),
    seenBy: [HOSTILE],
  },
  {
    name: 'ids are found without regard to case',
    store: changing({
      ask: ({ sql, params }) => ({ sql: sql.replace('id >= ? AND id < ?', "id LIKE ? || '%' AND ? <> ''"), params }),
    }),
    seenBy: ['texts are compared byte by byte: ids are found by their beginning, and only by that'],
  },
]

/** What a write would return. */
async function tried<T>(store: Store, work: () => Work<T>): Promise<T> {
  const undo = new Error('undone')
  let value: { is: T } | undefined
  const written = store.write(function* () {
    value = { is: yield* work() }
    throw undo
  })
  await written.catch((error: unknown) => {
    if (error !== undo) throw error
  })
  if (!value) throw undo
  return value.is
}
