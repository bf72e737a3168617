import { z } from 'zod'

type Code = z.core.$ZodIssueCode
type Issue<C extends Code> = z.core.$ZodRawIssue<Extract<z.core.$ZodIssue, { code: C }>>

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

/** What is wrong with a field, to be read behind its path. A code of zod without a sentence does not compile. */
const sentences: { [C in Code]: (issue: Issue<C>) => string } = {
  invalid_type: ({ expected }) => `must be ${KINDS[expected] ?? expected}`,
  invalid_value: ({ values }) => `must be ${values.map(String).join(' or ')}`,
  invalid_format: () => 'does not have the right form',
  invalid_union: () => 'is none of what it may be',
  invalid_key: () => 'holds a name that is not allowed',
  invalid_element: () => 'holds something that is not allowed',
  not_multiple_of: ({ divisor }) => `must be a multiple of ${divisor}`,
  too_small: (issue) => outOfRange(issue, { minimum: issue.minimum }),
  too_big: (issue) => outOfRange(issue, { maximum: issue.maximum }),
  unrecognized_keys: () => 'is not known here',
  custom: () => 'is not right',
}

/** For `safeParse(value, { error: sayIssue })`: our words in place of zod's. What a schema itself says goes before them. */
export function sayIssue(issue: z.core.$ZodRawIssue): string {
  if (issue.input === undefined) return 'is missing'
  // The sentence of a code takes the issues of that code, which the compiler does not follow through the look-up.
  const sentence = sentences[issue.code] as (issue: z.core.$ZodRawIssue) => string
  return sentence(issue)
}

/** Both ends where the schema has both: whoever is told one of them would run into the other. */
function outOfRange({ origin, schema }: Issue<'too_small' | 'too_big'>, known: Range): string {
  const { minimum, maximum }: Range = { ...known, ...(schema && endsOf(schema)) }
  const isBetween = minimum !== undefined && maximum !== undefined
  const atOneEnd = minimum === undefined ? `at most ${maximum}` : `at least ${minimum}`
  const range = isBetween ? `${minimum} to ${maximum}` : atOneEnd
  if (origin === 'string') return `must have ${range} characters`
  if (origin === 'array') return `must hold ${range} items`
  return isBetween ? `must be a number from ${range}` : `must be ${range}`
}

interface Range {
  minimum?: number | bigint
  maximum?: number | bigint
}

const ends = new WeakMap<z.core.$ZodType, Range>()

/** zod tells the ends of every kind of schema only as JSON Schema: made once, because thousands of items can be wrong. */
function endsOf(schema: z.core.$ZodType): Range {
  const known = ends.get(schema)
  if (known) return known
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  const minimum = json.minLength ?? json.minItems ?? json.minimum
  const maximum = json.maxLength ?? json.maxItems ?? json.maximum
  const range = { ...(minimum !== undefined && { minimum }), ...(maximum !== undefined && { maximum }) }
  ends.set(schema, range)
  return range
}
