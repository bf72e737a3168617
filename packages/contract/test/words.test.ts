import { expect, test } from 'vitest'
import { z } from 'zod'
import { type Operation, operations, sayIssue } from '../src/index.ts'

const said = (schema: z.ZodType, value: unknown) =>
  schema
    .safeParse(value, { error: sayIssue })
    .error?.issues.map(({ code, path, message }) => `${code}: ${[...path, message].join(' ')}`)

const anything = () => true

// One of each code, by the schemas that raise them.
test.each<[z.ZodType, unknown, string]>([
  [z.object({ phone: z.string() }), {}, 'invalid_type: phone is missing'],
  [z.object({ phone: z.string() }), { phone: 1 }, 'invalid_type: phone must be a text'],
  [z.object({ phone: z.string() }), { phone: null }, 'invalid_type: phone must be a text'],
  [z.number(), '1', 'invalid_type: must be a number'],
  [z.int(), 1.5, 'invalid_type: must be a whole number'],
  [z.boolean(), 1, 'invalid_type: must be true or false'],
  [z.array(z.string()), {}, 'invalid_type: must be a list'],
  [z.object({}), [], 'invalid_type: must be an object'],
  [z.record(z.string(), z.string()), 1, 'invalid_type: must be an object'],
  [z.null(), 1, 'invalid_type: must be null'],
  [z.enum(['json', 'png']), 'gif', 'invalid_value: must be json or png'],
  [z.enum(['json', 'png']), undefined, 'invalid_value: is missing'],
  [z.string().min(12).max(1024), 'short', 'too_small: must have 12 to 1024 characters'],
  [z.string().max(2), 'long', 'too_big: must have at most 2 characters'],
  [z.string().min(2), '', 'too_small: must have at least 2 characters'],
  [z.array(z.int()).min(1).max(2), [], 'too_small: must hold 1 to 2 items'],
  [z.array(z.int()).min(1).max(2), [1, 2, 3], 'too_big: must hold 1 to 2 items'],
  [z.int().min(1).max(500), 501, 'too_big: must be a number from 1 to 500'],
  [z.number().max(500), 501, 'too_big: must be at most 500'],
  [z.number().multipleOf(5), 7, 'not_multiple_of: must be a multiple of 5'],
  [z.string().regex(/^a$/), 'b', 'invalid_format: does not have the right form'],
  [z.string().regex(/^a$/, 'must be a'), 'b', 'invalid_format: must be a'],
  [z.strictObject({}), { nope: 1 }, 'unrecognized_keys: is not known here'],
  [z.union([z.string(), z.int()]), null, 'invalid_union: is none of what it may be'],
  [z.record(z.enum(['a']), z.int()), { a: 1, b: 1 }, 'unrecognized_keys: is not known here'],
  [z.record(z.string().max(1), z.int()), { bb: 1 }, 'invalid_key: bb holds a name that is not allowed'],
  [
    z.map(z.custom<object>(anything), z.int()),
    new Map([[{}, 'x']]),
    'invalid_element: holds something that is not allowed',
  ],
  [z.custom(() => false), 1, 'custom: is not right'],
])('%# %j', (schema, value, sentence) => {
  expect(said(schema, value)).toEqual([sentence])
})

const WRONG = [
  undefined,
  null,
  true,
  0,
  -1,
  1.5,
  Number.POSITIVE_INFINITY,
  '',
  'a b',
  'x'.repeat(70_000),
  [],
  [1],
  [{}],
  {},
  { surprise: 1 },
]
const SENTENCE = /^(is missing|is not known here|must (be|have|hold) [^:]+)$/

test('every schema that reads a request speaks in sentences', () => {
  const asked = Object.entries<Operation>(operations).flatMap(([name, { body, query }]) =>
    [body, query].flatMap((schema) => (schema ? [[name, schema] as const] : [])),
  )
  const all = new Set<string>()
  for (const [name, schema] of asked) {
    const fields = schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
    expect(fields, name).not.toEqual([])
    const values = fields.flatMap((field) => [...WRONG, Array(1001).fill({})].map((value) => ({ [field]: value })))
    for (const value of [...WRONG, ...values]) {
      const issues = schema.safeParse(value, { error: sayIssue }).error?.issues ?? []
      for (const { message } of issues) expect(message, name).toMatch(SENTENCE)
      // The first of a field is the one that is told.
      const told = new Map(issues.toReversed().map(({ path, message }) => [path.join('.'), message]))
      for (const message of told.values()) all.add(message)
    }
  }
  expect([...all].sort()).toMatchInlineSnapshot(`
    [
      "is missing",
      "is not known here",
      "must be 1–64 of A–Z, a–z, 0–9, _ and -",
      "must be a list",
      "must be a number",
      "must be a number from 0 to 60",
      "must be a number from 0 to 604800",
      "must be a number from 0 to 9007199254740991",
      "must be a number from 1 to 500",
      "must be a number from 1 to 65535",
      "must be a text",
      "must be a whole number",
      "must be an object",
      "must be high or normal or low",
      "must be json or png or svg or text",
      "must be names out of message, message_sent, message_ack, message_failed, message_stalled, message_undecryptable, message_edited, message_deleted, message_reaction, poll_vote, ready, caught_up, account_restricted, logged_out, webhook_disabled",
      "must be pending or done or dead",
      "must be the seq of an event, or 0",
      "must be true or false",
      "must have 1 to 1024 characters",
      "must have 1 to 128 characters",
      "must have 1 to 2048 characters",
      "must have 1 to 256 characters",
      "must have 1 to 512 characters",
      "must have 1 to 64 characters",
      "must have 1 to 65536 characters",
      "must have 12 to 1024 characters",
      "must have one of ids, after, since, until and state",
      "must hold 1 to 1000 items",
      "must hold 1 to 50 items",
      "must hold 1 to 500 items",
    ]
  `)
})
