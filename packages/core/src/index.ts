/**
 * `@wamux/core`: many WhatsApp accounts in one Node process.
 *
 * Everyday: {@link SessionManager}, {@link Session}, the events and {@link WamuxError}.
 * Store authors: `@wamux/core/stores`. Experts: `options.baileys`.
 */

// Everyday
export type { Backoff } from './backoff.ts'
export { type ErrorFacts, invalid, isWamuxError, WamuxError } from './errors.ts'
export { type Events, Teller } from './events.ts'
export type { Limits } from './limits.ts'
export type { CertificateMode, Logger, SessionManagerOptions } from './options.ts'
export type { Gap } from './pacer.ts'
export type { Replayable } from './sender.ts'
export { Session } from './session.ts'
export { type CreateOptions, SessionManager } from './session-manager.ts'
export type * from './shared.ts'

// Store authors
export { type Lookups, memoryLookups } from './stores/keyv.ts'
export type { Row, Statement, Store, Value, Work } from './stores/store.ts'

// Experts
export type { BaileysOptions } from './whatsapp/socket.ts'
