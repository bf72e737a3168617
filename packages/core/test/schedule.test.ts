import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Schedule, type Scheduled } from '../src/schedule.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const DAY_MS = 24 * 60 * 60_000

function scheduled() {
  const due: string[] = []
  const schedule = new Schedule<Scheduled>(({ id }) => due.push(id))
  let n = 0
  const in_ = (ms: number, id: string) => schedule.add({ id, n: n++, sendAt: Date.now() + ms })
  return { schedule, due, in: in_ }
}

test('each message is due at its time, whatever the order in which they came', async () => {
  const { due, ...to } = scheduled()
  to.in(3_000, 'c')
  to.in(1_000, 'a')
  to.in(2_000, 'b')
  await vi.advanceTimersByTimeAsync(999)
  expect(due).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(due).toEqual(['a'])
  await vi.advanceTimersByTimeAsync(2_000)
  expect(due).toEqual(['a', 'b', 'c'])
})

test('those of one time come in the order of acceptance', async () => {
  const { due, ...to } = scheduled()
  for (const id of ['a', 'b', 'c']) to.in(10, id)
  await vi.advanceTimersByTimeAsync(10)
  expect(due).toEqual(['a', 'b', 'c'])
})

test('a time that has passed, or none, is not kept', () => {
  const { schedule, ...to } = scheduled()
  expect([to.in(0, 'a'), to.in(-1, 'b'), schedule.add({ id: 'c', n: 9, sendAt: null })]).toEqual([false, false, false])
  expect(vi.getTimerCount()).toBe(0)
})

test('a year is not too long to wait for', async () => {
  const { due, ...to } = scheduled()
  to.in(365 * DAY_MS, 'a')
  await vi.advanceTimersByTimeAsync(DAY_MS)
  expect(due).toEqual([])
  vi.setSystemTime(Date.now() + 364 * DAY_MS)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(due).toEqual(['a'])
})

test('what was taken out is not due', async () => {
  const { schedule, due, ...to } = scheduled()
  to.in(10, 'a')
  to.in(20, 'b')
  expect([schedule.remove({ id: 'a' }), schedule.remove({ id: 'a' })]).toEqual([true, false])
  await vi.advanceTimersByTimeAsync(20)
  expect(due).toEqual(['b'])
  to.in(10, 'c')
  schedule.clear()
  expect(vi.getTimerCount()).toBe(0)
  to.in(10, 'd')
  await vi.advanceTimersByTimeAsync(10)
  expect(due).toEqual(['b', 'd'])
})
