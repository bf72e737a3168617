import { expect, test } from 'vitest'
import { backoffMs } from '../src/backoff.ts'

test('the longest wait doubles from 1 s and stops at 60 s', () => {
  const longest = Array.from({ length: 10 }, (_, index) => backoffMs(index + 1, () => 1))
  expect(longest).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000])
})

test('a session that is lost for a week still waits no longer than 60 s', () => {
  for (const attempt of [17, 64, 1_024, 100_000]) expect(backoffMs(attempt, () => 1)).toBe(60_000)
})

test('the jitter is full: anything from nothing to the longest', () => {
  expect(backoffMs(3, () => 0)).toBe(0)
  expect(backoffMs(3, () => 0.25)).toBe(1_000)
  expect(backoffMs(3, () => 0.5)).toBe(2_000)
})

test('a hundred sessions that were lost together do not come back together', () => {
  const waits = Array.from({ length: 100 }, () => backoffMs(10))
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...waits)).toBeLessThanOrEqual(60_000)
  expect(new Set(waits).size).toBeGreaterThan(80)
})
