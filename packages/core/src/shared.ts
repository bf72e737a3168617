/**
 * What the SDK, the server and the HTTP client mean by the same words. Types only, and of nothing but each other: the
 * client's generated file carries a copy of them, so that `Session` and `client.session(id)` satisfy the same interface.
 */
export type * from './shared/api.ts'
export type * from './shared/errors.ts'
export type * from './shared/events.ts'
export type * from './shared/message.ts'
export type * from './shared/sending.ts'
export type * from './shared/session.ts'
