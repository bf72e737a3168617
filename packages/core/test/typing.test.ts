import { expect, test } from 'vitest'
import { typingMs } from '../src/typing.ts'

const longest = () => 1
const shortest = () => 0

test('a longer text is typed for longer, within bounds', () => {
  expect([0, 1, 40, 80, 65_536].map((characters) => typingMs(characters, longest))).toEqual([
    1_000, 1_050, 3_000, 5_000, 5_000,
  ])
  expect([0, 40, 65_536].map((characters) => typingMs(characters, shortest))).toEqual([800, 2_400, 4_000])
})
