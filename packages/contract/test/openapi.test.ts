import { expect, test } from 'vitest'
import { errorsOf, type Operation, openApi, operations, statusOf, webhookEvents } from '../src/index.ts'

// A document is JSON: what a reader gets is what this test walks through.
const document = JSON.parse(JSON.stringify(openApi({ version: '1.2.3' })))
const described = (operation: Operation) => document.paths[operation.path][operation.method.toLowerCase()]

function* walk(value: unknown, path: string): Generator<[string, Record<string, unknown>]> {
  if (typeof value !== 'object' || value === null) return
  yield [path, value as Record<string, unknown>]
  for (const [key, child] of Object.entries(value)) yield* walk(child, `${path}/${key}`)
}

test('it is OpenAPI 3.1 with a version', () => {
  expect(document.openapi).toBe('3.1.0')
  expect(document.info).toMatchObject({ title: 'wamux', version: '1.2.3' })
})

test('every reference points to something', () => {
  let count = 0
  for (const [path, { $ref }] of walk(document, '#')) {
    if (typeof $ref !== 'string') continue
    count++
    const target = $ref
      .replace('#/', '')
      .split('/')
      .reduce((at, key) => at?.[key], document)
    expect(target, `${path} → ${$ref}`).toBeDefined()
  }
  expect(count).toBeGreaterThan(50)
})

test('every route is described once, with its parameters, its statuses and who may call it', () => {
  const ids = new Set<string>()
  for (const [name, operation] of Object.entries<Operation>(operations)) {
    const it = described(operation)
    expect(it.operationId).toBe(name)
    ids.add(it.operationId)
    const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, param]) => param)
    const parameters = it.parameters ?? []
    expect(parameters.filter((p: { in: string }) => p.in === 'path').map((p: { name: string }) => p.name)).toEqual(
      inPath,
    )
    const statuses = [...operation.success, ...errorsOf(operation).map((code) => statusOf[code])]
    expect(Object.keys(it.responses).sort()).toEqual([...new Set(statuses.map(String))].sort())
    expect(it.security.length > 0, name).toBe(operation.who !== 'none')
    for (const response of Object.values<{ description?: string }>(it.responses))
      expect(response.description).toBeTruthy()
  }
  expect(ids.size).toBe(Object.keys(operations).length)
})

test('limit is a number from 1 to 500', () => {
  expect(described(operations.listChats).parameters).toContainEqual({
    name: 'limit',
    in: 'query',
    required: false,
    schema: { type: 'integer', minimum: 1, maximum: 500 },
    description: '1–500, 50 by default',
  })
})

test('bodies are exact, answers may grow', () => {
  expect(document.components.schemas.SendMessage.additionalProperties).toBe(false)
  expect(document.components.schemas.Message.additionalProperties).toBeUndefined()
})

test('the examples of the documentation are in it', () => {
  const send = described(operations.sendMessage)
  expect(send.requestBody.content['application/json'].example).toEqual({
    phone: '491234567890',
    message: 'Hallo! Das ist eine Test-Nachricht.',
  })
  expect(send.responses['200'].content['application/json'].example).toEqual({
    success: true,
    data: { messageId: '3EB0C767D26A1B2C5F', phone: '491234567890', status: 'sent' },
  })
  expect(send.responses['503'].content['application/json'].example).toMatchObject({
    error: 'WhatsApp not connected',
    code: 'WHATSAPP_DISCONNECTED',
  })
})

test('what deleting an instance does not do is said', () => {
  expect(described(operations.deleteInstance).description).toContain('Log out first')
})

test('every webhook is described', () => {
  expect(Object.keys(document.webhooks)).toEqual(Object.keys(webhookEvents))
})

test('no schema has an id of its own: the names are under components', () => {
  for (const [path, value] of walk(document, '#')) {
    if (path.includes('/properties')) continue
    expect(value, path).not.toHaveProperty('$defs')
    expect(value, path).not.toHaveProperty('$id')
  }
})
