import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Ending, within } from '../src/ending.ts'

test('what comes before the end is what it gives, also when it fails', async () => {
  const ending = new Ending()
  expect(await ending.or(Promise.resolve('there'))).toBe('there')
  await expect(ending.or(Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(ending.waiting).toBe(0)
})

test('the end lets all go who wait, and those who come later', async () => {
  const ending = new Ending()
  const never = () => new Promise<string>(() => {})
  const both = Promise.all([ending.or(never()), ending.or(never())])
  ending.come()
  expect(await both).toEqual([undefined, undefined])
  expect(await ending.or(never())).toBeUndefined()
  expect(ending.waiting).toBe(0)
})

test('what fails after the end is nobody’s', async () => {
  const ending = new Ending()
  const { promise, reject } = Promise.withResolvers<void>()
  const waited = ending.or(promise)
  ending.come()
  expect(await waited).toBeUndefined()
  reject(new Error('late'))
  await setImmediate() // an unhandled rejection fails the test
})

test('within a time, or what is said to be late', async () => {
  expect(await within(60_000, Promise.resolve(1), 'late')).toBe(1)
  expect(await within(0, new Promise<number>(() => {}), 'late')).toBe('late')
})
