import { describe, expect, test } from 'vitest'
import { backoffMs, goOn } from '../src/backoff.ts'

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

describe('a new process goes on with the waits of the one before it', () => {
  const longest = () => 1
  const at = 1_700_000_000_000

  test.each([
    ['at once when nobody dialled', 0, 0, { attempt: 0, ms: 0 }],
    ['after the rest of the wait', 4, 3_000, { attempt: 4, ms: 5_000 }],
    ['at once when the wait is over', 4, 8_000, { attempt: 4, ms: 0 }],
    ['from the beginning when all was quiet for long', 40, 120_001, { attempt: 0, ms: 0 }],
    ['after the whole wait when the clock was set back', 7, -30 * 86_400_000, { attempt: 7, ms: 60_000 }],
  ] as const)('%s', (_, attempt, since, expected) => {
    expect(goOn({ attempt, at }, at + since, longest)).toEqual(expected)
  })

  test('a program that crashes a second after each start dials less and less', () => {
    let now = at
    let last = { attempt: 0, at: 0 }
    const dials: number[] = []
    while (now < at + 10 * 60_000) {
      const { attempt, ms } = goOn(last, now, Math.random)
      // It dials, or is gone before its wait is over.
      if (ms < 1_000) {
        last = { attempt: attempt + 1, at: now + ms }
        dials.push(last.at)
      }
      now += 1_000
    }
    expect(dials.length).toBeLessThan(120)
    expect(dials.filter((one) => one >= now - 5 * 60_000).length).toBeLessThan(60)
  })
})
