import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Gate } from '../src/gate.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('so many are inside at a time, and the next comes when one leaves', async () => {
  const gate = new Gate(2)
  const inside: number[] = []
  const leaves: (() => void)[] = []
  for (const index of [0, 1, 2, 3]) {
    void gate.enter().then((leave) => {
      inside.push(index)
      leaves.push(leave)
    })
  }
  await vi.advanceTimersByTimeAsync(1)
  expect(inside).toEqual([0, 1])
  leaves[0]?.()
  leaves[0]?.()
  await vi.advanceTimersByTimeAsync(1)
  expect(inside).toEqual([0, 1, 2])
})

test.each([
  ['the pause that a process before has begun is kept', 50, 150],
  ['a clock that was set back is no credit', -86_400_000, 200],
  ['what is long ago does not matter', 86_400_000, 0],
])('%s', async (_, agoMs, comesAfter) => {
  const gate = new Gate(1_000, 5)
  gate.rest(agoMs)
  const start = performance.now()
  const entered = gate.enter().then(() => performance.now() - start)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await entered).toBeCloseTo(comesAfter, 0)
})

test('at most so many come in any second, whatever happens to the clock', async () => {
  const gate = new Gate(1_000, 5)
  const at: number[] = []
  const start = performance.now()
  for (let index = 0; index < 50; index++) {
    void gate.enter().then((leave) => {
      at.push(performance.now() - start)
      leave()
    })
  }
  await vi.advanceTimersByTimeAsync(1_000)
  vi.setSystemTime(Date.now() + 86_400_000)
  await vi.advanceTimersByTimeAsync(1_000)
  vi.setSystemTime(Date.now() - 2 * 86_400_000)
  await vi.advanceTimersByTimeAsync(8_000)
  expect(at).toHaveLength(50)
  // The first second holds the one that waited for nobody too.
  for (const from of at) expect(at.filter((one) => one >= from && one < from + 999).length).toBeLessThanOrEqual(5)
})
