import { createHmac } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { DELAYS_MS, nextDelay } from '../src/webhooks/schedule.ts'
import { makeSecret, sign } from '../src/webhooks/signature.ts'

const bodies = ['{}', '{"body":"Grüße 👋"}', JSON.stringify({ body: 'x'.repeat(1024 * 1024) })]
const secrets = [
  ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
  ['optional-secret-for-hmac', `whsec_${Buffer.from('optional-secret-for-hmac').toString('base64')}`],
  ['gehöim', `whsec_${Buffer.from('gehöim').toString('base64')}`],
] as const

test.each(secrets)('a signature with %s passes the reference implementation', (secret, theirs) => {
  for (const body of bodies) {
    const headers = sign(body, { id: 'evt_1', at: Date.now(), secret })
    new Webhook(theirs).verify(body, headers)
    expect(() => new Webhook(theirs).verify(`${body} `, headers)).toThrow()
  }
})

test('while a secret is being changed, both sign; then only the new one', () => {
  const [oldSecret, secret] = [makeSecret(), makeSecret()]
  const at = Date.now()
  const both = sign('{}', { id: 'evt_1', at, secret, oldSecret, oldSecretUntil: at + 1 })
  for (const one of [oldSecret, secret]) new Webhook(one).verify('{}', both)
  expect(both['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/)
  const after = sign('{}', { id: 'evt_1', at, secret, oldSecret, oldSecretUntil: at })
  new Webhook(secret).verify('{}', after)
  expect(() => new Webhook(oldSecret).verify('{}', after)).toThrow()
})

test('the plain HMAC is that of the body', () => {
  const headers = sign('{"a":1}', { id: 'evt_1', at: 1703123456789, secret: 'geheim' })
  expect(headers['x-hub-signature-256']).toBe(
    `sha256=${createHmac('sha256', 'geheim').update('{"a":1}').digest('hex')}`,
  )
  expect(headers['webhook-timestamp']).toBe('1703123456')
})

test('without a secret nothing is signed, and the event still has its id', () => {
  expect(sign('{}', { id: 'evt_1', at: 1703123456789, secret: null })).toEqual({
    'webhook-id': 'evt_1',
    'webhook-timestamp': '1703123456',
  })
})

test('ten attempts in 75 h 35 min, ± 20 %', () => {
  expect(DELAYS_MS.reduce((sum, ms) => sum + ms)).toBe((75 * 60 + 35) * 60_000 + 5_000)
  expect(nextDelay(1, 0.5)).toBe(5_000)
  expect(nextDelay(2, 0)).toBe(240_000)
  expect(nextDelay(2, 1)).toBe(360_000)
  expect(nextDelay(9, 0.5)).toBe(24 * 3_600_000)
  expect(nextDelay(10, 0.5)).toBeUndefined()
})

test('a receiver can ask for more time but not for less, and for a day at most', () => {
  expect(nextDelay(1, 0.5, 60_000)).toBe(60_000)
  expect(nextDelay(2, 0.5, 1_000)).toBe(300_000)
  expect(nextDelay(1, 0.5, 7 * 86_400_000)).toBe(86_400_000)
})
