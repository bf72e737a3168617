import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Message } from '@wamux/core'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { like } from '../src/check.ts'
import * as contract from '../src/index.ts'
import { errorCodes, errorsOf, type Operation, operations, statusOf, toWire, webhookEvents } from '../src/index.ts'

const all = Object.entries<Operation>(operations)

test('the exports are the ones that the server and the generator use', () => {
  expect(Object.keys(contract).sort()).toMatchInlineSnapshot(`
    [
      "errorCodes",
      "errorsOf",
      "keyHeaders",
      "noBody",
      "openApi",
      "operations",
      "sayIssue",
      "statusOf",
      "toWire",
      "webhookEvents",
    ]
  `)
})

test('no two routes share a method and a path', () => {
  const keys = all.map(([, { method, path }]) => `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`)
  expect(new Set(keys).size).toBe(keys.length)
})

test('every documented route is there as documented', () => {
  const routes = all.map(([, { method, path }]) => `${method} ${path}`)
  expect(routes).toEqual(
    expect.arrayContaining([
      'POST /api/auth/login',
      'POST /api/send-message',
      'POST /api/send-bulk',
      'GET /api/instances/{id}/chats',
      'GET /api/instances/{id}/chats/{chatId}/messages',
      'GET /api/instances/{id}/messages/recent',
      'POST /api/instances/{id}/webhook',
      'GET /api/check-number/{phone}',
      'GET /api/contact/{phone}',
    ]),
  )
})

test('exactly the two contact routes are served on an instance port', () => {
  expect(all.filter(([, operation]) => operation.onInstancePort).map(([name]) => name)).toEqual([
    'checkNumber',
    'getContact',
  ])
})

test('an instance key may do everything with its instance except create, delete, link, log out and make keys', () => {
  const adminOnly = all.filter(([, { who, path }]) => who === 'admin' && path.startsWith('/api/instances'))
  expect(adminOnly.map(([name]) => name)).toEqual([
    'createInstance',
    'listInstances',
    'deleteInstance',
    'logoutInstance',
    'getQr',
    'createPairingCode',
    'createKey',
    'listKeys',
    'revokeKey',
  ])
})

test('what the documentation shows passes its own schemas', () => {
  for (const [name, { body, data, example }] of all) {
    if (example?.body !== undefined) expect(body?.safeParse(example.body).error, name).toBeUndefined()
    if (example?.data !== undefined) expect(data.safeParse(example.data).error, name).toBeUndefined()
  }
})

test('every code has a status, and every status of an error is one of the documented ones', () => {
  expect(errorCodes.length).toBe(30)
  expect([...new Set(Object.values(statusOf))].sort()).toEqual([
    400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 502, 503, 504,
  ])
})

test('a webhook event has instanceId where the SDK has sessionId, and its fields in the documented order', () => {
  const event = toWire({
    sessionId: 'demo',
    id: 'e1',
    event: 'ready',
    seq: 7,
    timestamp: 1703123456789,
    data: { phone: '491234567890', lid: null, name: 'Max', timestamp: 1703123456789 },
  })
  expect(JSON.stringify(event)).toBe(
    '{"id":"e1","event":"ready","instanceId":"demo","seq":7,"timestamp":1703123456789,"data":{"phone":"491234567890","lid":null,"name":"Max","timestamp":1703123456789}}',
  )
})

test('bodies refuse what they do not know, with its path', () => {
  for (const [name, { body }] of all) {
    if (!body) continue
    const result = body.safeParse({ surprise: 1 })
    expect(result.error?.issues, name).toContainEqual(
      expect.objectContaining({ code: 'unrecognized_keys', keys: ['surprise'] }),
    )
  }
})

test.each(['0', '501', '-1', '1.5', '1e2', ' 5', '', 'ten', '00000000001'])('a limit of "%s" is refused', (limit) => {
  expect(operations.listChats.query.safeParse({ limit }).success).toBe(false)
})

test('a limit is read as a number', () => {
  expect(operations.listChats.query.parse({ limit: '500' })).toEqual({ limit: 500 })
})

test('a schema that drifts from the shared types does not compile', () => {
  // @ts-expect-error: the shared Message has more fields
  like<Message>()(z.strictObject({ id: z.string() }))
  // @ts-expect-error: null is not what the shared type says
  like<{ body: string }>()(z.strictObject({ body: z.string().nullable() }))
  // @ts-expect-error: an optional field is not a field
  like<{ body: string }>()(z.strictObject({ body: z.string().exactOptional() }))
  like<{ body?: string }>()(z.strictObject({ body: z.string().exactOptional() }))
})

test("the client's generated file is what the contract says", () => {
  const script = fileURLToPath(new URL('../../../scripts/generate.mjs', import.meta.url))
  execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' })
})

test('every event of webhooks has a schema and a sentence', () => {
  expect(Object.keys(webhookEvents)).toMatchInlineSnapshot(`
    [
      "message",
      "message_sent",
      "message_ack",
      "message_failed",
      "message_stalled",
      "message_undecryptable",
      "message_edited",
      "message_deleted",
      "message_reaction",
      "poll_vote",
      "ready",
      "caught_up",
      "account_restricted",
      "logged_out",
      "webhook_disabled",
    ]
  `)
  for (const { data, summary } of Object.values(webhookEvents)) {
    expect(data).toBeInstanceOf(z.ZodType)
    expect(summary).not.toBe('')
  }
})

test('errorsOf adds what comes with who may call, with bodies and with instances', () => {
  expect(errorsOf(operations.health)).not.toContain('FORBIDDEN')
  expect(errorsOf(operations.sendMessage)).toEqual(
    expect.arrayContaining(['UNAUTHENTICATED', 'INVALID_INPUT', 'PAYLOAD_TOO_LARGE', 'WHATSAPP_DISCONNECTED']),
  )
  // Whatever is not a GET can have a body that is wrong, also where none is taken.
  expect(errorsOf(operations.startInstance)).toEqual(expect.arrayContaining(['INVALID_INPUT', 'PAYLOAD_TOO_LARGE']))
  expect(errorsOf(operations.setup)).not.toContain('RATE_LIMITED')
  // An administrator may delete what is gone; for somebody else's key it is not there.
  expect(errorsOf(operations.deleteInstance)).toContain('INSTANCE_NOT_FOUND')
})
