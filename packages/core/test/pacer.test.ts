import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Pacer, type PacerOptions } from '../src/pacer.ts'
import type { Priority } from '../src/shared.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Bottleneck takes a few rounds of timers, each of 1 ms at least, to begin a job. */
const QUEUE_MS = 10

const HUMAN: PacerOptions = { gap: { minMs: 1_500, maxMs: 3_000 } }

/** A pacer whose jobs note when they begin. */
function paced(options: PacerOptions = HUMAN) {
  const pacer = new Pacer(options)
  const begun: { name: string; at: number }[] = []
  const send = (name: string, { priority = 'normal' as Priority, sends = true, takesMs = 0 } = {}) =>
    pacer.run(async () => {
      begun.push({ name, at: Date.now() })
      if (takesMs > 0) await new Promise((resolve) => setTimeout(resolve, takesMs))
      return sends
    }, priority)
  const names = () => begun.map(({ name }) => name)
  const gaps = () => begun.slice(1).map(({ at }, index) => at - (begun[index]?.at ?? 0))
  return { pacer, begun, send, names, gaps }
}

test('200 pacing gaps: all in 1.5–3 s, no two equal', async () => {
  const { send, begun, gaps } = paced()
  for (let index = 0; index <= 200; index++) send(`${index}`)
  await vi.advanceTimersByTimeAsync(201 * 3_000)
  expect(begun).toHaveLength(201)
  expect(gaps()).toHaveLength(200)
  for (const gap of gaps()) {
    expect(gap).toBeGreaterThanOrEqual(1_500)
    expect(gap).toBeLessThanOrEqual(3_000)
  }
  expect(new Set(gaps()).size).toBe(200)
  // and they are spread over the whole span
  expect(Math.min(...gaps())).toBeLessThan(1_700)
  expect(Math.max(...gaps())).toBeGreaterThan(2_800)
})

test('even when chance only gives the longest or the shortest, gaps keep their bounds and differ', async () => {
  for (const random of [() => 1, () => 0, () => 0.999999]) {
    const { send, gaps } = paced({ ...HUMAN, random })
    for (let index = 0; index <= 200; index++) send(`${index}`)
    await vi.advanceTimersByTimeAsync(201 * 3_000)
    expect(gaps()).toHaveLength(200)
    expect(gaps().every((gap) => gap >= 1_500 && gap <= 3_000)).toBe(true)
    expect(new Set(gaps()).size).toBe(200)
  }
})

test('a gap that leaves no choice is always the same, and pacing goes on', async () => {
  const { send, gaps } = paced({ gap: { minMs: 100, maxMs: 100 } })
  for (let index = 0; index <= 50; index++) send(`${index}`)
  await vi.advanceTimersByTimeAsync(60 * 200)
  expect(gaps()).toHaveLength(50)
  expect(gaps().every((gap) => gap >= 100 && gap < 100 + QUEUE_MS)).toBe(true)
})

test('the gap begins when a message is sent, not when it was begun', async () => {
  const { send, gaps } = paced({ ...HUMAN, random: () => 0 })
  send('slow', { takesMs: 4_000 })
  send('next')
  await vi.advanceTimersByTimeAsync(10_000)
  expect(gaps()[0]).toBeGreaterThanOrEqual(5_500)
  expect(gaps()[0]).toBeLessThan(5_500 + QUEUE_MS)
})

test('the first message after a pause goes at once', async () => {
  const { send, begun } = paced()
  send('a')
  await vi.advanceTimersByTimeAsync(60_000)
  const asked = Date.now()
  send('b')
  await vi.advanceTimersByTimeAsync(QUEUE_MS)
  expect(begun.at(-1)?.name).toBe('b')
  expect((begun.at(-1)?.at ?? 0) - asked).toBeLessThan(QUEUE_MS)
})

test('what was given earlier goes earlier', async () => {
  const { send, names } = paced()
  for (const name of ['a', 'b', 'c', 'd']) send(name)
  await vi.advanceTimersByTimeAsync(20_000)
  expect(names()).toEqual(['a', 'b', 'c', 'd'])
})

test('an urgent message overtakes what has time, even one that comes in the gap before', async () => {
  const { send, names } = paced()
  for (const name of ['low 1', 'low 2', 'low 3']) send(name, { priority: 'low' })
  await vi.advanceTimersByTimeAsync(1_400)
  expect(names()).toEqual(['low 1'])
  send('normal 1')
  send('normal 2')
  send('high', { priority: 'high' })
  await vi.advanceTimersByTimeAsync(20_000)
  expect(names()).toEqual(['low 1', 'high', 'normal 1', 'normal 2', 'low 2', 'low 3'])
})

test('a job that sent nothing costs no gap', async () => {
  const { send, names } = paced()
  for (const name of ['a', 'b', 'c']) send(name, { sends: false })
  send('d')
  await vi.advanceTimersByTimeAsync(4 * QUEUE_MS)
  expect(names()).toEqual(['a', 'b', 'c', 'd'])
})

test('a gap of nothing is no gap', async () => {
  const { send, names } = paced({ gap: { minMs: 0, maxMs: 0 } })
  for (const name of ['a', 'b', 'c']) send(name)
  await vi.advanceTimersByTimeAsync(3 * QUEUE_MS)
  expect(names()).toEqual(['a', 'b', 'c'])
})

test('after a restart the first message waits for what is left of a gap, and no clock that was set back shortens it', async () => {
  for (const [agoMs, left] of [
    [1_000, 500],
    [0, 1_500],
    [-86_400_000, 1_500],
    [5_000, 0],
  ] as const) {
    const { pacer, send, begun } = paced({ ...HUMAN, random: () => 0 })
    const start = Date.now()
    pacer.rest(agoMs)
    send('a')
    await vi.advanceTimersByTimeAsync(3_000)
    const waited = (begun[0]?.at ?? 0) - start
    expect(waited).toBeGreaterThanOrEqual(left)
    expect(waited).toBeLessThan(left + QUEUE_MS)
  }
})

describe('stop', () => {
  test('lets the running job finish and drops the rest', async () => {
    const { pacer, send, names } = paced()
    const ends: string[] = []
    pacer.run(async () => {
      await new Promise((resolve) => setTimeout(resolve, 5_000))
      ends.push('running')
      return true
    }, 'normal')
    send('waiting')
    await vi.advanceTimersByTimeAsync(QUEUE_MS)
    const stopped = pacer.stop().then(() => ends.push('stopped'))
    await vi.advanceTimersByTimeAsync(4_900)
    expect(ends).toEqual([])
    await vi.advanceTimersByTimeAsync(60_000)
    await stopped
    expect(ends).toEqual(['running', 'stopped'])
    expect(names()).toEqual([])
  })

  test('does not wait for a gap to pass', async () => {
    const { pacer, send, names } = paced()
    send('a')
    send('b')
    await vi.advanceTimersByTimeAsync(100)
    const at = Date.now()
    const stopped = pacer.stop()
    await vi.advanceTimersByTimeAsync(QUEUE_MS)
    await stopped
    expect(Date.now() - at).toBeLessThanOrEqual(QUEUE_MS)
    expect(names()).toEqual(['a'])
  })

  test('is final, and twice is fine', async () => {
    const { pacer, send, names } = paced()
    await pacer.stop()
    await pacer.stop()
    send('late')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(names()).toEqual([])
  })

  test('leaves no timer behind', async () => {
    const { pacer, send } = paced()
    send('a')
    await vi.advanceTimersByTimeAsync(10)
    await pacer.stop()
    await vi.advanceTimersByTimeAsync(10)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a clock that is set back', () => {
  test.each([60_000, 3_600_000])('by %i ms holds nothing up: while nothing waits, in a pause, in a job', async (ms) => {
    const { send, names } = paced()
    vi.setSystemTime(Date.now() - ms)
    send('first', { takesMs: 100 })
    send('second', { takesMs: 100 })
    await vi.advanceTimersByTimeAsync(50)
    vi.setSystemTime(Date.now() - ms)
    await vi.advanceTimersByTimeAsync(500)
    vi.setSystemTime(Date.now() - ms)
    await vi.advanceTimersByTimeAsync(3_000)
    expect(names()).toEqual(['first', 'second'])
    await vi.advanceTimersByTimeAsync(3_000)
    vi.setSystemTime(Date.now() - ms)
    send('third')
    await vi.advanceTimersByTimeAsync(QUEUE_MS)
    expect(names()).toEqual(['first', 'second', 'third'])
  })
})
