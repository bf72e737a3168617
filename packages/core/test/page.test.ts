import { describe, expect, test } from 'vitest'
import { pageOf, readCursor } from '../src/page.ts'

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const refusal = (path: string) =>
  expect.objectContaining({ code: 'INVALID_INPUT', details: { issues: [expect.objectContaining({ path })] } })

test('without options a page has 50 items, from the beginning', () => {
  expect(readCursor({})).toEqual({ limit: 50, cursor: undefined })
})

test('a limit is a whole number from 1 to 500', () => {
  for (const limit of [1, 50, 500]) expect(readCursor({ limit }).limit).toBe(limit)
  for (const limit of [0, -1, 501, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => readCursor({ limit })).toThrow(refusal('limit'))
  }
})

test('the cursor of a page is the place of its last item', () => {
  const { data, nextCursor } = pageOf([5, 4, 3], 2, (item) => [item * 1000, `chat ${item} ü`])
  expect(data).toEqual([5, 4])
  expect(readCursor({ cursor: nextCursor ?? '' }).cursor).toEqual([4000, 'chat 4 ü'])
})

test('the last page has no cursor, whether it is full or empty', () => {
  expect(pageOf([2, 1], 2, (item) => [item, item])).toEqual({ data: [2, 1], nextCursor: null })
  expect(pageOf<number>([], 2, (item) => [item, item])).toEqual({ data: [], nextCursor: null })
})

describe('what is no cursor of ours is refused, naming it', () => {
  const cursors: [what: string, cursor: string][] = [
    ['nothing', ''],
    ['noise', '%%%'],
    ['no JSON', Buffer.from('[1,').toString('base64url')],
    ['null', encode(null)],
    ['an object', encode({ 0: 1, 1: 2, length: 2 })],
    ['one place', encode([1])],
    ['three places', encode([1, 2, 3])],
    ['a time in words', encode(['1', 2])],
    ['no time', encode([null, 2])],
    ['no second place', encode([1, null])],
    ['an object for a place', encode([1, {}])],
    ['a list for a place', encode([1, [2]])],
    ['a boolean for a place', encode([1, true])],
  ]
  for (const [what, cursor] of cursors)
    test(what, () => expect(() => readCursor({ cursor })).toThrow(refusal('cursor')))
})
