import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turnOver } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Store } from '../src/state/database.ts'
import { Random } from '../src/state/random.ts'
import type { Line } from '../src/state/turn.ts'
import { Accounts } from '../src/world/accounts.ts'

let folder: string
let store: Store
let onlooker: Store
let failures: string[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wamux-emulator-'))
  const file = join(folder, 'network.db')
  failures = []
  store = new Store(file, (error) => failures.push(String(error)))
  onlooker = new Store(file)
})

afterEach(() => {
  store.close()
  onlooker.close()
  rmSync(folder, { recursive: true })
})

class Socket implements Line {
  state: 'open' | 'held' | 'cut' = 'open'
  /** What a second process sees in the file at the moment when the bytes go out. */
  seen: string[] | undefined

  cork(): void {
    this.state = 'held'
  }

  uncork(): void {
    this.state = 'open'
    this.seen = namesIn(onlooker)
  }

  destroy(): void {
    this.state = 'cut'
  }
}

const write = (name: string) => store.run("INSERT INTO meta (name, value) VALUES (?, 'x')", name)
const namesIn = (of: Store) => of.all<{ name: string }>('SELECT name FROM meta ORDER BY name').map(({ name }) => name)

test('what is written in a turn is one commit, and what is said in it goes out after that commit', async () => {
  const socket = new Socket()
  store.transaction(() => write('a'))
  store.turn.holds(socket)
  store.transaction(() => write('b'))
  expect(namesIn(store)).toEqual(['a', 'b'])
  expect([namesIn(onlooker), socket.state]).toEqual([[], 'held'])
  await turnOver()
  expect(socket).toMatchObject({ state: 'open', seen: ['a', 'b'] })
})

test('a transaction that fails takes back only what it did itself', async () => {
  store.transaction(() => write('a'))
  const failing = () =>
    store.transaction(() => {
      write('b')
      throw new Error('changed my mind')
    })
  expect(failing).toThrow('changed my mind')
  store.transaction(() => write('c'))
  await store.turn.kept()
  expect(namesIn(onlooker)).toEqual(['a', 'c'])
})

test('a single statement is kept when it returns, and everything before it', () => {
  store.transaction(() => write('a'))
  write('b')
  expect(namesIn(onlooker)).toEqual(['a', 'b'])
})

test('what is written is kept when the file is closed', () => {
  store.transaction(() => write('a'))
  store.close()
  expect(namesIn(onlooker)).toEqual(['a'])
})

test('when a commit fails, nobody hears of what was in it, and the next one works', async () => {
  store.run('PRAGMA foreign_keys = ON')
  store.run('CREATE TABLE parents (id INTEGER PRIMARY KEY)')
  store.run('CREATE TABLE children (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)')
  const [socket, other] = [new Socket(), new Socket()]
  store.turn.holds(socket)
  store.transaction(() => {
    write('a')
    store.run('INSERT INTO children (parent) VALUES (1)') // complained about by COMMIT, not before
  })
  await expect(store.turn.kept()).rejects.toThrow('FOREIGN KEY')
  expect(failures).toHaveLength(1)
  expect(socket.state).toBe('cut')
  store.transaction(() => write('b'))
  store.turn.holds(other)
  await turnOver()
  expect(other).toMatchObject({ state: 'open', seen: ['b'] })
})

test('accounts do not remember what was taken back, neither a change nor a new one', () => {
  const accounts = new Accounts(store, new Random())
  accounts.ensure('491234567890', 'contact', { name: 'Max' })
  const failing = () =>
    store.transaction(() => {
      accounts.update('491234567890', { name: 'Moritz' })
      accounts.ensure('15550001001', 'phone')
      expect(accounts.get('491234567890')?.name).toBe('Moritz')
      throw new Error('changed my mind')
    })
  expect(failing).toThrow('changed my mind')
  expect(accounts.get('491234567890')?.name).toBe('Max')
  expect(accounts.get('15550001001')).toBeUndefined()
  expect(accounts.ensure('15550001001', 'phone').lid).toBe(new Accounts(store, new Random()).get('15550001001')?.lid)
})
