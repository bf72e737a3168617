import { expect, test } from 'vitest'
import { Patience } from '../src/world/patience.ts'

const clock = () => {
  let at = 0
  const wait = (ms: number) => {
    at += ms
  }
  return { patience: new Patience(() => at), wait }
}

test('who answers every answer at once is not answered for ever', () => {
  const { patience, wait } = clock()
  const answered = Array.from({ length: 6 }, () => {
    wait(1_500)
    return patience.allows('bot')
  })
  expect(answered).toEqual([true, true, true, false, false, true])
})

test('who takes a while is always answered, and so is somebody else', () => {
  const { patience, wait } = clock()
  for (let message = 0; message < 10; message++) {
    expect(patience.allows('person')).toBe(true)
    expect(patience.allows(`other ${message}`)).toBe(true)
    wait(5_000)
  }
})
