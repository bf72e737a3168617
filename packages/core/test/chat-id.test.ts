import { describe, expect, test } from 'vitest'
import { chatKind, lidChat, parseChatId, parsePerson, parseRecipient, phoneChat, userOf } from '../src/chat-id.ts'
import { isWamuxError } from '../src/errors.ts'

/** The code, the path and the sentence of what `work` throws. */
function refusal(work: () => unknown): { code: string; paths: string[]; message: string } {
  try {
    work()
  } catch (error) {
    if (isWamuxError(error, 'INVALID_INPUT')) {
      return { code: error.code, paths: error.details.issues.map(({ path }) => path), message: error.message }
    }
    if (isWamuxError(error, 'INVALID_CHAT_ID')) return { code: error.code, paths: [], message: error.message }
    throw error
  }
  throw new Error('nothing was refused')
}

describe('chatKind', () => {
  const kinds: [string, string | undefined][] = [
    ['491234567890@c.us', 'person'],
    ['1234567@c.us', 'person'],
    ['123456789012345@c.us', 'person'],
    ['123456@c.us', undefined],
    ['1234567890123456@c.us', undefined],
    ['0491234567@c.us', undefined],
    ['12345@lid', 'lid'],
    ['12345678901234567890@lid', 'lid'],
    ['1234@lid', undefined],
    ['123456789012345678901@lid', undefined],
    ['120363012345678901@g.us', 'group'],
    ['491234567890-1600000000@g.us', 'group'],
    ['group@g.us', undefined],
    ['120363012345678901@newsletter', 'newsletter'],
    ['status@broadcast', 'status'],
    ['1600000000@broadcast', undefined],
    ['491234567890@s.whatsapp.net', undefined],
    ['491234567890:3@c.us', undefined],
    ['491234567890@c.us\n', undefined],
    [' 491234567890@c.us', undefined],
    ['491234567890@C.US', undefined],
    ['٤٩١٢٣٤٥٦٧@c.us', undefined],
    ['491234567890', undefined],
    ['', undefined],
    ['@', undefined],
    ['__proto__', undefined],
  ]
  for (const [id, kind] of kinds)
    test(`${JSON.stringify(id)} is ${kind ?? 'none'}`, () => expect(chatKind(id)).toBe(kind))
})

test('ids are put together and taken apart here only', () => {
  expect(phoneChat('491234567890')).toBe('491234567890@c.us')
  expect(lidChat('12345')).toBe('12345@lid')
  expect(userOf('491234567890@c.us')).toBe('491234567890')
})

describe('parseRecipient accepts', () => {
  const accepted: [input: string, chatId: string, phone: string][] = [
    ['491234567890', '491234567890@c.us', '491234567890'],
    ['+491234567890', '491234567890@c.us', '491234567890'],
    ['+49 (1234) 567-890', '491234567890@c.us', '491234567890'],
    ['  491234567890\t', '491234567890@c.us', '491234567890'],
    ['+49\u00a01234\u00a0567890', '491234567890@c.us', '491234567890'],
    ['1234567', '1234567@c.us', '1234567'],
    ['123456789012345', '123456789012345@c.us', '123456789012345'],
    ['491234567890@c.us', '491234567890@c.us', '491234567890'],
    [' 491234567890@c.us ', '491234567890@c.us', '491234567890'],
    ['123456789@lid', '123456789@lid', '123456789@lid'],
    ['120363012345678901@g.us', '120363012345678901@g.us', '120363012345678901@g.us'],
  ]
  for (const [input, chatId, phone] of accepted) {
    test(JSON.stringify(input), () => expect(parseRecipient(input)).toEqual({ chatId, phone }))
  }
})

describe('parseRecipient refuses', () => {
  const refused: [input: unknown, because: RegExp][] = [
    [undefined, /string of digits/],
    [null, /string of digits/],
    [491234567890, /string of digits/],
    [{ toString: () => '491234567890' }, /string of digits/],
    [['491234567890'], /string of digits/],
    ['', /digits only/],
    ['   ', /digits only/],
    ['+', /digits only/],
    ['++491234567890', /digits only/],
    ['49+1234567890', /digits only/],
    ['phone', /digits only/],
    ['49123456789x', /digits only/],
    ['49.1234.567890', /digits only/],
    ['٤٩١٢٣٤٥٦٧٨٩', /digits only/],
    ['0491234567', /country code/],
    ['+00491234567', /country code/],
    ['123456', /7 to 15/],
    ['1234567890123456', /7 to 15/],
    ['491234567890@s.whatsapp.net', /ends in @c\.us/],
    ['491234567890:1@c.us', /ends in @c\.us/],
    ['status@broadcast', /ends in @c\.us/],
    ['120363012345678901@newsletter', /ends in @c\.us/],
    ['049@c.us', /ends in @c\.us/],
    ['a@b@c.us', /ends in @c\.us/],
  ]
  for (const [input, because] of refused) {
    test(`${JSON.stringify(input)}, naming the field`, () => {
      const { code, paths, message } = refusal(() => parseRecipient(input, 'messages[3].phone'))
      expect({ code, paths }).toEqual({ code: 'INVALID_INPUT', paths: ['messages[3].phone'] })
      expect(message).toMatch(because)
      expect(message.startsWith('messages[3].phone ')).toBe(true)
    })
  }
  test('and calls the field phone unless told otherwise', () => {
    expect(refusal(() => parseRecipient('x')).paths).toEqual(['phone'])
  })
})

test('parsePerson takes people by either name and refuses groups', () => {
  expect(parsePerson('+49 1234 567890').chatId).toBe('491234567890@c.us')
  expect(parsePerson('12345@lid').chatId).toBe('12345@lid')
  expect(refusal(() => parsePerson('120363012345678901@g.us', 'number')).paths).toEqual(['number'])
  expect(refusal(() => parsePerson('x')).paths).toEqual(['phone'])
})

describe('parseChatId', () => {
  test('takes every public chat id as it is, and digits as a person', () => {
    for (const id of [
      '491234567890@c.us',
      '12345@lid',
      '120363012345678901@g.us',
      '1203630@newsletter',
      'status@broadcast',
    ])
      expect(parseChatId(id)).toBe(id)
    expect(parseChatId('491234567890')).toBe('491234567890@c.us')
  })
  for (const id of [
    '',
    '../x',
    '0491234567',
    '+491234567890',
    '491234567890@s.whatsapp.net',
    "' OR 1=1",
    '__proto__',
    'a\u0000b',
  ]) {
    test(`refuses ${JSON.stringify(id)} and gives it back as a fact`, () => {
      expect(() => parseChatId(id)).toThrow(
        expect.objectContaining({ code: 'INVALID_CHAT_ID', details: { chatId: id } }),
      )
    })
  }
})
