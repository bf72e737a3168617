import { expect, test } from 'vitest'
import { z } from 'zod'
import { openApi } from '../src/control/openapi.ts'
import { NOUNS, OPERATIONS } from '../src/control/operations.ts'
import { withEmulator } from './baileys.ts'

type Json = Record<string, unknown>

/** OpenAPI 3.1, as far as the document uses it; what is not in here is not valid. */
const schema = z.union([z.boolean(), z.record(z.string(), z.unknown())])
const content = z.record(z.string(), z.strictObject({ schema, example: z.unknown().optional() }))
const response = z.strictObject({ description: z.string().min(1), content: content.optional() })
const parameter = z.strictObject({
  name: z.string().min(1),
  in: z.enum(['path', 'query']),
  required: z.boolean(),
  schema,
  description: z.string().optional(),
})
const described = z.strictObject({
  operationId: z.string().regex(/^[a-z]\w+$/),
  tags: z.array(z.string()).length(1),
  summary: z.string().min(5).max(120),
  description: z.string().optional(),
  parameters: z.array(parameter).optional(),
  requestBody: z.strictObject({ required: z.boolean(), content }).optional(),
  responses: z.record(z.string().regex(/^\d{3}$/), response),
})
const valid = z.strictObject({
  openapi: z.literal('3.1.0'),
  jsonSchemaDialect: z.url(),
  info: z.strictObject({
    title: z.string(),
    version: z.string(),
    description: z.string(),
    license: z.strictObject({ name: z.string(), identifier: z.string() }),
  }),
  servers: z.array(z.strictObject({ url: z.string() })),
  tags: z.array(z.strictObject({ name: z.string() })),
  paths: z.record(
    z.string().startsWith('/'),
    z.strictObject({ get: described, post: described, put: described, patch: described, delete: described }).partial(),
  ),
  components: z.strictObject({ schemas: z.record(z.string(), schema) }),
})

const KEYWORDS = new Set(
  (
    '$ref type properties required additionalProperties items prefixItems enum const anyOf oneOf allOf not pattern format ' +
    'minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum minItems maxItems propertyNames default ' +
    'description examples title contentEncoding'
  ).split(' '),
)

// A document is JSON: what a reader gets is what these tests walk through.
const document = JSON.parse(JSON.stringify(openApi(NOUNS)))

/** Every schema under a value, with the place where it stands. */
function* schemasIn(value: unknown, path: string): Generator<[string, Json]> {
  if (typeof value !== 'object' || value === null) return
  const json = value as Json
  const isSchema = /(\/schema|\/components\/schemas\/\w+|\/items|\/(anyOf|oneOf|allOf)\/\d+|\/properties\/[^/]+)$/.test(
    path,
  )
  if (isSchema) yield [path, json]
  for (const [key, child] of Object.entries(json)) {
    if (key === 'example' || key === 'examples') continue
    yield* schemasIn(child, `${path}/${key}`)
  }
}

test('the document is valid OpenAPI 3.1', () => {
  expect(valid.safeParse(document).error).toBeUndefined()
})

test('its schemas say nothing that JSON Schema does not know, and every reference points to something', () => {
  let count = 0
  for (const [path, json] of schemasIn(document, '#')) {
    count++
    expect(
      Object.keys(json).filter((key) => !KEYWORDS.has(key)),
      path,
    ).toEqual([])
    if (typeof json.$ref !== 'string') continue
    const target = json.$ref
      .slice(2)
      .split('/')
      .reduce((at, key) => at?.[key], document)
    expect(target, `${path} → ${json.$ref}`).toBeDefined()
  }
  expect(count).toBeGreaterThan(50)
})

test('every operation is described once, with its parameters', () => {
  const places = OPERATIONS.map(({ method, path }) => `${method} ${path}`)
  expect(new Set(places).size).toBe(places.length)
  expect(new Set(OPERATIONS.map(({ id }) => id)).size).toBe(OPERATIONS.length)
  for (const { id, method, path } of OPERATIONS) {
    const it = document.paths[path][method.toLowerCase()]
    expect(it.operationId).toBe(id)
    const parameters: { name: string; in: string }[] = it.parameters ?? []
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    expect(
      parameters.filter((one) => one.in === 'path').map(({ name }) => name),
      path,
    ).toEqual(inPath)
  }
})

test.each(OPERATIONS.map((operation) => [operation.id, operation] as const))(
  'the examples of %s are true',
  (_id, it) => {
    const { body, answer, query, example } = it
    if (body && it.bodyType === undefined)
      expect(example?.body, 'an operation with a body has an example').toBeDefined()
    if (example?.body !== undefined) expect(body?.safeParse(example.body).error).toBeUndefined()
    if (example?.query !== undefined) expect(query?.safeParse(example.query).error).toBeUndefined()
    if (example?.answer !== undefined && answer) {
      expect(answer.safeParse(example.answer)).toEqual({ success: true, data: example.answer })
    }
  },
)

test('whatever a caller may write is exact: a misspelt field is never ignored', () => {
  for (const { id, params, query, body } of OPERATIONS) {
    for (const part of [params, query, body]) {
      if (part === undefined || part.type === 'string') continue
      const { error } = part.safeParse({ nobody: 1 })
      expect(
        error?.issues.some(({ code }) => code === 'unrecognized_keys' || code === 'invalid_union'),
        id,
      ).toBe(true)
    }
  }
})

test('it is served in both places', () =>
  withEmulator(async (emulator) => {
    for (const path of ['/openapi.json', '/admin/openapi.json']) {
      const response = await fetch(`${emulator.controlUrl}${path}`)
      expect(await response.json()).toEqual(document)
    }
  }))
