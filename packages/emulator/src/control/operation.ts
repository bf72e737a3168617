import type { z } from 'zod'
import type { Emulator } from '../api.ts'
import type { Linking } from '../world/linking.ts'
import type { World } from '../world/world.ts'

/** What a handler acts on. `emulator` is what a test in the same process holds; the rest is for what only people at a distance need. */
export interface Network {
  readonly emulator: Emulator
  readonly world: World
  readonly linking: Linking
}

export interface Input<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> {
  /** What stands in the path. */
  readonly params: z.output<P>
  readonly query: z.output<Q>
  readonly body: z.output<B>
  /** Aborted when the caller has gone: whoever waits for something gives up then. */
  readonly signal: AbortSignal
}

/** Besides 400 for bad input, 413 for a body that is too long and 500 for what should not happen. */
export type Status = 403 | 404 | 409 | 410 | 504

/** One thing that can be done over HTTP: everything that is said about it, and what does it. */
export interface Operation<
  P extends z.ZodType = z.ZodType,
  Q extends z.ZodType = z.ZodType,
  B extends z.ZodType = z.ZodType,
  A extends z.ZodType = z.ZodType,
> {
  /** A verb and a noun, unique: the `operationId` of OpenAPI. */
  readonly id: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** `{phone}` and the like are the parameters; `params` has a field for each. */
  readonly path: `/${string}`
  /** One line. */
  readonly summary: string
  readonly description?: string
  readonly params?: P
  /** Values are text: schemas of a query read it (`flag`, `count` in schemas.ts). */
  readonly query?: Q
  /** A strict object; an empty body is one without fields. Without it a body is ignored. */
  readonly body?: B
  /** JSON unless said; `text/plain` is given to `body` as one string. */
  readonly bodyType?: 'text/plain'
  /** Longest body in bytes: 1 MiB by default. */
  readonly bodyLimit?: number
  /** Without it the answer is `{ ok: true }`. */
  readonly answer?: A
  /** JSON unless said: a text goes out as it is; of an event stream the handler gives the pieces. */
  readonly answerType?: 'text/plain' | 'text/event-stream'
  readonly errors?: readonly Status[]
  readonly example?: { readonly body?: unknown; readonly answer?: unknown; readonly query?: Record<string, string> }
  /** Throws an `InputError` for what the schemas cannot know. A method, so that lists of operations have one type. */
  handle(network: Network, input: Input<P, Q, B>): z.input<A> | Promise<z.input<A>> | AsyncIterable<string>
}

/** Gives the handler the types of its schemas. */
export function operation<
  A extends z.ZodType = z.ZodVoid,
  P extends z.ZodType = z.ZodUndefined,
  Q extends z.ZodType = z.ZodUndefined,
  B extends z.ZodType = z.ZodUndefined,
>(it: Operation<P, Q, B, A>): Operation {
  return it
}
