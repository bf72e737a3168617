import type { BinaryNode } from '@whiskeysockets/baileys'
import { el } from '../stream/nodes.ts'

/**
 * How a connection ends: a stream error with that code; `replaced` (which clients call 440) by another login;
 * `device_removed` by the owner; `ack`, when the server misses an acknowledgement; `xmlstreamend`, an orderly end; `drop`
 * without a word.
 */
export const KICK_REASONS = [
  '515',
  '503',
  'replaced',
  'device_removed',
  'xmlstreamend',
  'drop',
  '401',
  '403',
  '405',
  '408',
  '428',
  '440',
  '500',
  'ack',
] as const
export type KickReason = (typeof KICK_REASONS)[number]

/** The last word to a client; undefined for a connection that is cut. */
export function goodbye(reason: KickReason, id?: string): BinaryNode | undefined {
  switch (reason) {
    case 'drop':
      return undefined
    case 'xmlstreamend':
      return el('xmlstreamend')
    case 'replaced':
    case '440':
      return el('stream:error', {}, [el('conflict', { type: 'replaced' })])
    case 'device_removed':
      return el('stream:error', { code: '401' }, [el('conflict', { type: 'device_removed' })])
    case 'ack':
      return el('stream:error', {}, [el('ack', { class: 'message', id })])
    default:
      return el('stream:error', { code: reason })
  }
}

/** Why a login is refused. */
export interface LoginRefusal {
  /**
   * 401 logged out, 402 banned for a time, 403 locked, 405 outdated, 406 banned, 409 bad user agent, 411, 500, 503: the
   * names are those of whatsmeow's `ConnectFailureReason`.
   */
  readonly reason: number
  /** Of a ban: 101 sent to too many people, 102 blocked by users, 103 created too many groups, 104, 106. */
  readonly code?: number
  /** Of a ban: how long it lasts. */
  readonly expiresInMs?: number
}

export function failure({ reason, code, expiresInMs }: LoginRefusal): BinaryNode {
  const expire = expiresInMs === undefined ? undefined : Math.ceil(expiresInMs / 1000)
  return el('failure', { reason, code, expire, location: 'emu' })
}

const TEXTS: Record<number, string> = {
  400: 'bad-request',
  401: 'not-authorized',
  403: 'forbidden',
  404: 'item-not-found',
  405: 'not-allowed',
  406: 'not-acceptable',
  408: 'request-timeout',
  409: 'conflict',
  410: 'gone',
  419: 'resource-limit',
  429: 'rate-overlimit',
  500: 'internal-server-error',
  501: 'feature-not-implemented',
  503: 'service-unavailable',
}

/** The text that goes with an error of a query. */
export function textFor(code: number): string {
  return TEXTS[code] ?? 'error'
}
