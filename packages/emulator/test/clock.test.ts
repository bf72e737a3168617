import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createEmulator } from '../src/index.ts'
import { Store } from '../src/state/database.ts'
import { NetworkClock } from '../src/world/clock.ts'
import { withEmulator } from './baileys.ts'

const ALICE = '15550001001'
const MAX = '491234567890'
const DAY_MS = 86_400_000

function clockOf(options: { startAt?: number; isFrozen?: boolean } = { isFrozen: true, startAt: 1_000 }) {
  const errors: unknown[] = []
  const store = new Store(undefined)
  const clock = new NetworkClock(store, options, (error) => errors.push(error))
  return { clock, errors, store }
}

test('what is due on the way happens in its order, each at its own time, and what that sets off too', async () => {
  const { clock } = clockOf()
  const seen: [string, number][] = []
  const note = (what: string) => seen.push([what, clock.now()])
  clock.after(300, () => note('later'))
  clock.after(100, () => {
    note('first')
    clock.after(100, () => note('set off'))
  })
  clock.after(500, () => note('not yet'))
  clock.after(200, () => note('cancelled')).cancel()
  await clock.advance(400)
  expect(seen).toEqual([
    ['first', 1_100],
    ['set off', 1_200],
    ['later', 1_300],
  ])
  expect(clock.now()).toBe(1_400)
  await clock.advance(100)
  expect(seen.at(-1)).toEqual(['not yet', 1_500])
})

test('without being advanced a clock runs by itself; what fails in it is reported, and a stopped one is silent', async () => {
  const { clock, errors } = clockOf({})
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1_000)
  await new Promise<void>((resolve) => clock.after(1, resolve))
  clock.after(50 * DAY_MS, () => {
    throw new Error('far away')
  })
  clock.after(50 * DAY_MS, () => errors.push('after it'))
  await clock.advance(50 * DAY_MS)
  expect(errors.map(String)).toEqual(['Error: far away', 'after it'])
  clock.after(10, () => errors.push('never'))
  clock.stop()
  await clock.advance(1_000)
  expect(errors).toHaveLength(2)
  await expect(clock.advance(-1)).rejects.toThrow(RangeError)
})

test('a network does not go back in time when it is started again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wamux-emulator-'))
  const file = join(folder, 'network.db')
  const before = await createEmulator({ file, clock: { startAt: 1_800_000_000_000 } })
  await before.clock.advance(DAY_MS)
  await before.close()
  const after = await createEmulator({ file, clock: { startAt: 1_800_000_000_000 } })
  expect(after.clock.now()).toBeGreaterThanOrEqual(1_800_000_000_000 + DAY_MS)
  expect(after.clock.now()).toBeLessThan(1_800_000_000_000 + DAY_MS + 60_000)
  await after.close()
  rmSync(folder, { recursive: true })
})

test('stanzas carry the time of the network, and what it holds back comes when the clock is advanced', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    await emulator.clock.advance(DAY_MS)
    await max.says(ALICE, 'morgen')
    const { messageTimestamp } = await alice.hears('morgen')
    expect(Math.abs(Number(messageTimestamp) * 1000 - Date.now() - DAY_MS)).toBeLessThan(60_000)
    emulator.faults.ackDelayMs = DAY_MS
    const id = await alice.says(MAX, 'lange')
    await max.hears('lange')
    expect(alice.acks.has(id)).toBe(false)
    await emulator.clock.advance(DAY_MS)
    expect(await alice.acked(id)).toBeUndefined()
  }))

test('a QR code expires with the clock', () =>
  withEmulator(async (emulator, client) => {
    const alice = client().connect()
    const qr = await alice.until(() => alice.qr)
    await emulator.clock.advance(160_000)
    await expect(emulator.phone(ALICE).scans(qr)).rejects.toThrow('expired')
  }))
