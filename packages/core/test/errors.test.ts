import { expect, expectTypeOf, test } from 'vitest'
import { invalid, isWamuxError, WamuxError } from '../src/errors.ts'
import type { ErrorCode, SessionState } from '../src/shared.ts'

test('an error carries its code, a sentence, facts and what caused it', () => {
  const cause = new Error('socket')
  const error = new WamuxError('WHATSAPP_DISCONNECTED', 'WhatsApp not connected', { state: 'waiting' }, { cause })
  expect(error).toBeInstanceOf(Error)
  expect({
    name: error.name,
    code: error.code,
    message: error.message,
    details: error.details,
    cause: error.cause,
  }).toEqual({
    name: 'WamuxError',
    code: 'WHATSAPP_DISCONNECTED',
    message: 'WhatsApp not connected',
    details: { state: 'waiting' },
    cause,
  })
})

test('the code decides the type of the details', () => {
  const error: unknown = new WamuxError('WHATSAPP_DISCONNECTED', 'WhatsApp not connected', { state: 'waiting' })
  if (!isWamuxError(error, 'WHATSAPP_DISCONNECTED')) throw new Error('it was not recognised')
  expectTypeOf(error.details).toEqualTypeOf<{ state: SessionState }>()
  expect(error.details.state).toBe('waiting')

  const limited = new WamuxError('OUTBOX_FULL', 'Too many wait.', { limit: 1, retryAfterMs: 2 })
  expectTypeOf(limited.details).toEqualTypeOf<{ limit: number; retryAfterMs: number }>()
  expectTypeOf(new WamuxError('STOPPING', 'No.').details).toEqualTypeOf<undefined>()
})

test('facts may be left out only where there are none', () => {
  expect(new WamuxError('NOT_FOUND', 'There is none.').details).toBeUndefined()
  expect(new WamuxError('STORE_FAILED', 'No.', undefined, { cause: 1 }).cause).toBe(1)
  // @ts-expect-error NOT_ON_WHATSAPP has facts
  expect(new WamuxError('NOT_ON_WHATSAPP', 'No.').details).toBeUndefined()
  // @ts-expect-error the facts are of another code
  expect(new WamuxError('NOT_ON_WHATSAPP', 'No.', { id: 'x' }).code).toBe('NOT_ON_WHATSAPP')
})

test('isWamuxError tells ours from others, and one code from another', () => {
  const error: unknown = invalid('phone', 'must be digits.')
  expect(isWamuxError(error)).toBe(true)
  expect(isWamuxError(error, 'INVALID_INPUT')).toBe(true)
  expect(isWamuxError(error, 'NOT_FOUND')).toBe(false)
  for (const other of [new Error('x'), { code: 'INVALID_INPUT', name: 'WamuxError' }, null, undefined, 'INVALID_INPUT'])
    expect(isWamuxError(other)).toBe(false)
  if (isWamuxError(error)) expectTypeOf(error.code).toEqualTypeOf<ErrorCode>()
})

test('a bad field is named in the sentence and in the facts', () => {
  const error = invalid('messages[3].phone', 'must be digits.')
  expect(error.message).toBe('messages[3].phone must be digits.')
  expect(error.details).toEqual({ issues: [{ path: 'messages[3].phone', message: 'must be digits.' }] })
})
