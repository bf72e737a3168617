import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { openMemoryStore, openSqliteStore } from '../../src/stores/sqlite/store.ts'
import { type Runner, type StoreUnderTest, testKeys, testStore } from '../../src/stores/testing/index.ts'
import { keysIn } from '../../src/whatsapp/key-store.ts'
import { BROKEN, type Broken } from './broken/index.ts'
import { failing } from './broken/places.ts'
import { newFolder } from './open.ts'

type Cases = ReadonlyMap<string, () => Promise<void>>

/** What the published tests are for a store, by their names. A runner needs no more than this. */
function casesOf(define: (runner: Runner) => void): Cases {
  const cases = new Map<string, () => Promise<void>>()
  define({ describe: (_, body) => body(), test: (name, body) => cases.set(name, body) })
  return cases
}

async function failures(cases: Cases, names: Iterable<string> = cases.keys()): Promise<string[]> {
  const failed: string[] = []
  for (const name of names) {
    const body = cases.get(name)
    if (!body) throw new Error(`There is no test "${name}".`)
    await body().catch(() => failed.push(name))
  }
  return failed
}

const ofStore = (under: Omit<StoreUnderTest, 'name'>) =>
  casesOf((runner) => testStore(runner, { name: 'it', ...under }))

function casesFor(broken: Broken): Cases {
  if ('place' in broken) return ofStore({ newPlace: broken.place, canFail: broken.canFail ?? false })
  if ('store' in broken) {
    const open = async () => broken.store(await openMemoryStore())
    return ofStore({ isInMemory: true, newPlace: async () => ({ open }) })
  }
  const open = async () => {
    const store = await openMemoryStore()
    return { keys: broken.keys(keysIn(store, 's')), close: () => store.close() }
  }
  return casesOf((runner) => testKeys(runner, { name: 'it', open }))
}

const away = ofStore({ canFail: true, isInMemory: true, newPlace: () => failing(() => true) })
const onDisk = ofStore({
  newPlace: async () => {
    const folder = newFolder()
    return { open: () => openSqliteStore(folder) }
  },
})
/** What is tested of stores that last only. All others of a SQLite file are in `conformance.test.ts`. */
const ofOwners = [...onDisk.keys()].filter((name) => !away.has(name))

test('a good store passes all of them', async () => {
  expect(await failures(away)).toEqual([])
  expect(await failures(onDisk, ofOwners)).toEqual([])
})

test.each(BROKEN)('they see it when $name', async (broken) => {
  expect(await failures(casesFor(broken), broken.seenBy)).toEqual(broken.seenBy)
})

test('each of them sees something', () => {
  const seen = new Set(BROKEN.flatMap(({ seenBy }) => seenBy))
  expect([...away.keys(), ...ofOwners].filter((name) => !seen.has(name))).toEqual([])
})

test('they run under the test runner of Node.js', async () => {
  const file = fileURLToPath(new URL('on-node-test.ts', import.meta.url))
  const args = ['--conditions=@wamux/source', '--test', '--test-reporter=tap', file]
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  // It rejects when one of them fails.
  const { stdout } = await promisify(execFile)(process.execPath, args, { env })
  const inMemory = ofStore({ isInMemory: true, newPlace: async () => ({ open: openMemoryStore }) })
  for (const name of inMemory.keys()) expect(stdout).toContain(`- ${name}\n`)
  expect(stdout).toMatch(new RegExp(`^# pass ${inMemory.size}$`, 'm'))
})
