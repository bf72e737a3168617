import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { WebhookVerificationError, webhooks } from '../src/index.ts'

const secret = 'optional-secret-for-hmac'
const body = JSON.stringify({
  id: 'evt_1',
  event: 'message',
  instanceId: 'demo',
  seq: 1,
  timestamp: 1703123456789,
  data: { id: '3EB0C767D26A1B2C5F', body: 'Grüße 👋' },
})

test('what is signed here is verified here, and the event has its type', async () => {
  const event = await webhooks.verify(body, await webhooks.sign(body, secret), secret)
  if (event.event !== 'message') throw new Error('It is a message.')
  expect(event.data.body).toBe('Grüße 👋')
})

test('it is Standard Webhooks, both ways', async () => {
  const theirs = `whsec_${Buffer.from(secret).toString('base64')}`
  new Webhook(theirs).verify(body, await webhooks.sign(body, secret))
  const at = new Date()
  const headers = {
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': `v1,AAAA v2,BBBB ${new Webhook(theirs).sign('evt_1', at, body)}`,
  }
  expect((await webhooks.verify(body, headers, theirs)).id).toBe('evt_1')
})

test('headers may be Headers, of any case, or lists; the body may be bytes', async () => {
  const headers = await webhooks.sign(body, secret)
  await webhooks.verify(new TextEncoder().encode(body), new Headers(headers), secret)
  const upper = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), [value]]))
  await webhooks.verify(body, upper, secret)
})

test('an old or a future delivery is refused', async () => {
  const at = Date.UTC(2026, 0, 1)
  const headers = await webhooks.sign(body, secret, { at })
  const verify = (now: number, toleranceSeconds?: number) =>
    webhooks.verify(body, headers, secret, { now, ...(toleranceSeconds !== undefined && { toleranceSeconds }) })
  await verify(at + 299_000)
  await verify(at - 299_000)
  await verify(at + 3_600_000, 3_600)
  for (const now of [at + 301_000, at - 301_000]) await expect(verify(now)).rejects.toThrow(WebhookVerificationError)
})

test.each<[string, (headers: Record<string, string>) => [string, Record<string, string>, string]]>([
  ['another body', (headers) => [`${body} `, headers, secret]],
  ['another secret', (headers) => [body, headers, 'other']],
  ['another id', (headers) => [body, { ...headers, 'webhook-id': 'evt_2' }, secret]],
  [
    'another time',
    (headers) => [body, { ...headers, 'webhook-timestamp': String(Math.floor(Date.now() / 1000) + 1) }, secret],
  ],
  ['a time that is none', (headers) => [body, { ...headers, 'webhook-timestamp': '1e9' }, secret]],
  ['no signature', ({ 'webhook-signature': _, ...headers }) => [body, headers, secret]],
  ['an empty signature', (headers) => [body, { ...headers, 'webhook-signature': '' }, secret]],
  ['a signature that is no base64', (headers) => [body, { ...headers, 'webhook-signature': 'v1,%%%' }, secret]],
  [
    'another version',
    (headers) => [
      body,
      { ...headers, 'webhook-signature': headers['webhook-signature']?.replace('v1', 'v2') ?? '' },
      secret,
    ],
  ],
])('%s is refused', async (_, change) => {
  await expect(webhooks.verify(...change(await webhooks.sign(body, secret)))).rejects.toThrow(WebhookVerificationError)
})

test('what is signed and is no event is refused', async () => {
  for (const text of [
    'no JSON',
    '[]',
    'null',
    '{"id":"evt_1","event":"surprise"}',
    '{"id":"evt_2","event":"message"}',
  ]) {
    const headers = await webhooks.sign(text, secret, { id: 'evt_1' })
    await expect(webhooks.verify(text, headers, secret)).rejects.toThrow(WebhookVerificationError)
  }
})

test('an empty secret is a mistake and not a weak one', async () => {
  await expect(webhooks.sign(body, '')).rejects.toThrow(TypeError)
  await expect(webhooks.verify(body, await webhooks.sign(body, secret), 'whsec_')).rejects.toThrow(TypeError)
})
