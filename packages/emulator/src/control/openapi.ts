import { z } from 'zod'
import type { Operation } from './operation.ts'
import { problem } from './schemas.ts'

type Json = Record<string, unknown>

const REASONS: Readonly<Record<number, string>> = {
  400: 'Something in the request is wrong; `field` says what',
  403: 'Who acts may not do that',
  404: 'There is no such phone, contact, group or route',
  409: 'It is somebody or something else already, or its client has gone',
  410: 'It was there once, and is no more',
  413: 'The body is too long',
  500: 'The emulator did not do what it should',
  504: 'It did not happen in time',
}

/** The control API as an OpenAPI 3.1 document, made from the operations of each noun. */
export function openApi(nouns: Readonly<Record<string, readonly Operation[]>>) {
  const schemas: Json = {}
  const paths: Record<string, Json> = {}
  for (const [noun, operations] of Object.entries(nouns)) {
    for (const it of operations) {
      paths[it.path] = { ...paths[it.path], [it.method.toLowerCase()]: describe(it, noun, schemas) }
    }
  }
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: 'wamux emulator: control API',
      version: '1',
      description:
        'Phones, contacts, groups and faults of an emulated WhatsApp network. There are no passwords: leave it on loopback. ' +
        'Fields that are null are taken as left out; fields and parameters that an operation does not have are refused.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    // Relative to where the document was read: the port is free to be any.
    servers: [{ url: '/' }],
    tags: Object.keys(nouns).map((name) => ({ name })),
    paths,
    components: { schemas },
  }
}

function describe(it: Operation, noun: string, schemas: Json): Json {
  const { id, summary, description, params, query, body, bodyType, example } = it
  const parameters = [
    // Shown as what callers write in a path, and as what it stands for in a query, where everything is text.
    ...(params ? parametersOf(params, 'path', 'input', schemas) : []),
    ...(query ? parametersOf(query, 'query', 'output', schemas) : []),
  ]
  return {
    operationId: id,
    tags: [noun],
    summary,
    ...(description !== undefined && { description }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: !body.safeParse({}).success,
        content: { [bodyType ?? 'application/json']: media(toJson(body, 'input', schemas), example?.body) },
      },
    }),
    responses: { 200: success(it, schemas), ...failures(it, schemas) },
  }
}

function parametersOf(schema: z.ZodType, place: 'path' | 'query', io: 'input' | 'output', schemas: Json): Json[] {
  // The schema of parameters is an object: an operation has no other.
  const { properties = {}, required = [] } = toJson(schema, io, schemas) as { properties?: Json; required?: string[] }
  return Object.entries(properties as Record<string, Json>).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: rest,
    ...(description !== undefined && { description }),
  }))
}

function success({ answer, answerType, example }: Operation, schemas: Json): Json {
  const schema = answer ? toJson(answer, 'output', schemas) : DONE
  return {
    description: 'Done',
    content: { [answerType ?? 'application/json']: media(schema, answer ? example?.answer : { ok: true }) },
  }
}

const DONE = { type: 'object', properties: { ok: { const: true } }, required: ['ok'] }

function failures({ params, query, body, errors = [] }: Operation, schemas: Json): Json {
  const statuses = [...(params || query || body ? [400] : []), ...errors, ...(body ? [413] : []), 500].sort()
  const schema = toJson(problem, 'output', schemas)
  const one = (status: number) => ({ description: REASONS[status], content: { 'application/json': { schema } } })
  return Object.fromEntries(statuses.map((status) => [status, one(status)]))
}

function media(schema: Json, example: unknown): Json {
  return { schema, ...(example !== undefined && { example }) }
}

/** A schema in JSON Schema, with the named ones put under components. */
function toJson(schema: z.ZodType, io: 'input' | 'output', schemas: Json): Json {
  // Inside an object, because a named schema becomes a reference only where it is used.
  const { properties, $defs } = z.toJSONSchema(z.object({ schema }), { io, override: loosen(io) })
  for (const [name, definition] of Object.entries($defs ?? {})) schemas[name] = point(definition)
  // JSON Schema allows `true` and `false` for a schema; zod writes objects.
  return point(properties?.schema as Json)
}

/** Answers may grow new fields without breaking a generated client; what is sent has to be exact. */
function loosen(io: 'input' | 'output') {
  return ({ jsonSchema }: { jsonSchema: Json }) => {
    if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
  }
}

function point<T>(json: T): T {
  // A JSON value stays of the shape it had; only the text of its references changes.
  return JSON.parse(JSON.stringify(json).replaceAll('"#/$defs/', '"#/components/schemas/')) as T
}
