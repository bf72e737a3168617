import type { ErrorCode } from '@wamux/core'
import { z } from 'zod'
import { errorCodes, statusOf } from './errors.ts'
import { webhookEvents } from './events.ts'
import { errorsOf, type Operation, operations, type Who } from './operations.ts'

type Json = Record<string, unknown>

const PARAMETERS: Record<string, { description: string; example: string }> = {
  id: { description: "The instance's id", example: 'demo' },
  chatId: { description: 'A chat, by its public id', example: '491234567890@c.us' },
  phone: { description: 'Digits, international, no plus', example: '491234567890' },
  messageId: { description: "WhatsApp's id of a message", example: '3EB0C767D26A1B2C5F' },
  batchId: { description: 'What send-bulk answered', example: '9f1c2a7e-7d5c-4c38-9a59-3c0c2f0a6f1e' },
  keyId: { description: 'The part of an API key between its underscores', example: 'k3Jd83hfJ2sQ' },
}

const SECURITY: Record<Who, Json[]> = {
  none: [],
  admin: [{ adminToken: [] }],
  instance: [{ apiKey: [] }],
  either: [{ adminToken: [] }, { apiKey: [] }],
}

const IDEMPOTENCY_KEY: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
  description:
    'A request that comes again with the same key within 24 h does nothing and is answered as the first one was. One that ' +
    'was refused before anything was accepted has not used its key.',
}

/** The whole API as an OpenAPI 3.1 document, made from the list of operations. */
export function openApi({ version }: { version: string }): Json {
  const schemas: Json = {}
  const paths: Record<string, Json> = {}
  for (const [name, operation] of Object.entries<Operation>(operations)) {
    paths[operation.path] = {
      ...paths[operation.path],
      [operation.method.toLowerCase()]: describe(name, operation, schemas),
    }
  }
  const webhooks: Json = {}
  for (const [name, event] of Object.entries(webhookEvents)) webhooks[name] = describeEvent(name, event, schemas)
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: 'wamux',
      version,
      description: 'Many WhatsApp accounts behind one REST and webhook API.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    // Relative to where the document was read: a proxy in front knows the name that callers use, we do not.
    servers: [{ url: '/' }],
    paths,
    webhooks,
    components: {
      schemas,
      securitySchemes: {
        adminToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'POST /api/auth/login' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'wapi_…, made with the instance' },
      },
      headers: {
        RequestId: { description: 'Names this request in the log of the server', schema: { type: 'string' } },
        IdempotencyReplayed: {
          description: 'true: nothing was done, this is the answer to an earlier request with the same key',
          schema: { const: 'true' },
        },
        RetryAfter: { description: 'Seconds', schema: { type: 'integer' } },
      },
    },
  }
}

function describe(name: string, operation: Operation, schemas: Json): Json {
  const { summary, description, path, query, body, keyed, who, example } = operation
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, param = '']) => ({
      name: param,
      in: 'path',
      required: true,
      schema: { type: 'string' },
      ...PARAMETERS[param],
    })),
    ...(query ? queryParameters(query, schemas) : []),
    ...(keyed ? [IDEMPOTENCY_KEY] : []),
  ]
  return {
    operationId: name,
    summary,
    ...(description && { description }),
    security: SECURITY[who],
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: toJson(body, 'input', schemas),
            ...(example?.body !== undefined && { example: example.body }),
          },
        },
      },
    }),
    responses: { ...successes(operation, schemas), ...failures(errorsOf(operation)) },
  }
}

function queryParameters(query: z.ZodType, schemas: Json): Json[] {
  // Output, because a query is text that has been read: `limit` is shown as the number that it stands for.
  const { properties = {} } = toJson(query, 'output', schemas) as { properties?: Record<string, Json> }
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: false,
    schema,
    ...(description !== undefined && { description }),
  }))
}

function successes(operation: Operation, schemas: Json): Json {
  const { data, keyed, list, media = [], example } = operation
  const isBare = media.includes('application/json')
  const schema = isBare
    ? toJson(data, 'output', schemas)
    : {
        type: 'object',
        properties: {
          success: { const: true },
          data: toJson(data, 'output', schemas),
          ...(list && { nextCursor: { type: ['string', 'null'], description: 'null on the last page' } }),
        },
        required: ['success', 'data', ...(list ? ['nextCursor'] : [])],
      }
  const shown =
    example?.data === undefined ? {} : { success: true, data: example.data, ...(list && { nextCursor: null }) }
  const response = {
    headers: {
      'x-request-id': { $ref: '#/components/headers/RequestId' },
      ...(keyed && { 'idempotency-replayed': { $ref: '#/components/headers/IdempotencyReplayed' } }),
    },
    content: {
      'application/json': { schema, ...(example?.data !== undefined && { example: shown }) },
      ...Object.fromEntries(media.filter((type) => type !== 'application/json').map((type) => [type, {}])),
    },
  }
  const words: Record<number, string> = {
    101: 'The connection is a WebSocket from here on',
    200: 'Done',
    201: 'Created',
    202: 'Accepted: on disk, will be sent',
  }
  return Object.fromEntries(operation.success.map((status) => [status, { description: words[status], ...response }]))
}

function failures(codes: readonly ErrorCode[]): Json {
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of codes) byStatus.set(statusOf[code], [...(byStatus.get(statusOf[code]) ?? []), code])
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.join(', '),
        headers: {
          'x-request-id': { $ref: '#/components/headers/RequestId' },
          ...((status === 429 || group.includes('IDEMPOTENCY_IN_PROGRESS')) && {
            'retry-after': { $ref: '#/components/headers/RetryAfter' },
          }),
        },
        content: {
          'application/json': {
            schema: errorSchema(group),
            ...(group.includes('WHATSAPP_DISCONNECTED') && shownError),
          },
        },
      },
    ]),
  )
}

const shownError = {
  example: {
    success: false,
    error: 'WhatsApp not connected',
    code: 'WHATSAPP_DISCONNECTED',
    details: { state: 'waiting' },
    requestId: '5f0c2f0a-6f1e-4c38-9a59-7d5c9f1c2a7e',
  },
}

const errorSchema = (codes: readonly ErrorCode[] = errorCodes) => ({
  type: 'object',
  properties: {
    success: { const: false },
    error: { type: 'string', description: 'For people; not stable' },
    code: { enum: codes },
    details: { description: 'Facts that belong to the code' },
    requestId: { type: 'string' },
  },
  required: ['success', 'error', 'code', 'requestId'],
})

function describeEvent(name: string, { data, summary }: { data: z.ZodType; summary: string }, schemas: Json): Json {
  const header = (field: string, description: string) => ({
    name: field,
    in: 'header',
    required: field === 'webhook-id' || field === 'webhook-timestamp',
    schema: { type: 'string' },
    description,
  })
  return {
    post: {
      operationId: `on_${name}`,
      summary,
      parameters: [
        header('webhook-id', "The event's id; the same on every attempt"),
        header('webhook-timestamp', 'Seconds since the epoch'),
        header('webhook-signature', 'v1,<base64>; Standard Webhooks'),
        header('x-hub-signature-256', 'sha256=<hex HMAC-SHA256 of the body>'),
        header('wamux-overtakes', 'The seq of an earlier event of the same chat that could not be delivered yet'),
      ],
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: {
              type: 'object',
              properties: {
                id: { type: 'string' },
                event: { const: name },
                instanceId: { type: 'string' },
                seq: { type: 'integer' },
                timestamp: { type: 'integer' },
                data: toJson(data, 'output', schemas),
              },
              required: ['id', 'event', 'instanceId', 'seq', 'timestamp', 'data'],
            },
          },
        },
      },
      responses: { '2XX': { description: 'Received; everything else is tried again' } },
    },
  }
}

/** A schema in JSON Schema, with the named ones put under components. */
function toJson(schema: z.ZodType, io: 'input' | 'output', schemas: Json): Json {
  // Inside an object, because a named schema becomes a reference only where it is used.
  const { properties, $defs } = z.toJSONSchema(z.object({ schema }), { io, override: loosen(io) })
  for (const [name, definition] of Object.entries($defs ?? {})) schemas[name] = point(definition)
  // JSON Schema allows `true` and `false` for a schema; zod writes objects.
  return point(properties?.schema as Json)
}

// Answers may grow new fields without breaking a generated client; what is sent has to be exact.
const loosen =
  (io: 'input' | 'output') =>
  ({ jsonSchema }: { jsonSchema: Json }) => {
    if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
  }

function point<T>(json: T): T {
  // A JSON value stays of the shape it had; only the text of its references changes.
  return JSON.parse(JSON.stringify(json).replaceAll('"#/$defs/', '"#/components/schemas/')) as T
}
