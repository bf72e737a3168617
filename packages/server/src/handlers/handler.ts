import type { DataOf, InputOf, OperationName, Operations } from '@wamux/contract'
import type { Session } from '@wamux/core'
import type { ServerRequest } from 'srvx'
import type { Caller } from '../auth/access.ts'
import type { Services } from '../services.ts'

/** What a handler knows about the request besides its input. */
export interface Call {
  caller: Caller
  request: ServerRequest
  services: Services
  /** The session that the path or the key names. */
  session: () => Session
  /** For the sends of core; empty on a route that takes no key. */
  repeat: { idempotencyKey?: string; onReplay?: () => void }
}

export type Answer<N extends OperationName> =
  | Response
  | ({ data: DataOf<N>; status?: Operations[N]['success'][number] } & (Operations[N] extends { list: true }
      ? { nextCursor: string | null }
      : { nextCursor?: never }))

export type Handler<N extends OperationName> = (input: InputOf<N>, call: Call) => Promise<Answer<N>>

/** A handler of which the caller knows by other means that the input fits. */
export type AnyHandler = (
  input: InputOf<OperationName>,
  call: Call,
) => Promise<Response | { data: unknown; status?: number; nextCursor?: string | null }>
