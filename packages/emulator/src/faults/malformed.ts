import { deflateSync } from 'node:zlib'
import { type BinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys'
import type { Random } from '../state/random.ts'
import type { Connection } from '../stream/connection.ts'
import { toFrame } from '../stream/frames.ts'
import { el, SERVER } from '../stream/nodes.ts'

/**
 * In a frame that opens: `truncated` in the middle, an unknown `token`, a `deflate` stream that is none, a `bomb` of
 * 64 MiB in 64 KiB, 100,000 stanzas in each other (`deep`), a list that promises more than there is (`wide`), a `jid`
 * without a server, a `huge` stanza of 15 MiB, stanzas without what belongs to them (`bare`) or with text for children
 * (`types`). Frames that do not open: `garbage`, `empty`, `replayed`; `length`: says it is longer than what follows;
 * `text`: not even binary. And one that is well-formed, but comes `bytewise`.
 */
export const MALFORMED_KINDS = [
  'truncated',
  'token',
  'deflate',
  'bomb',
  'deep',
  'wide',
  'jid',
  'huge',
  'bare',
  'types',
  'garbage',
  'empty',
  'replayed',
  'length',
  'text',
  'bytewise',
] as const
export type MalformedKind = (typeof MALFORMED_KINDS)[number]

const MIB = 1024 * 1024
/** Bytes of the wire format. */
const [LIST_8, LIST_16, JID_PAIR, BINARY_32, NO_SUCH_TOKEN, SOME_TOKEN] = [248, 249, 250, 254, 238, 5]
const PLAIN = 0
const COMPRESSED = 2
const DEPTH = 100_000

/** Sends it. What a frame that does not open does to the counters of the client is for good. */
export function sendMalformed(connection: Connection, kind: MalformedKind, random: Random): void {
  const stanzas = STANZAS[kind]
  const sealed = kind === 'replayed' || kind === 'bytewise' ? connection.seal(encodeBinaryNode(HARMLESS)) : undefined
  if (kind === 'text') connection.sendText('<stream:error/>')
  else if (stanzas) for (const stanza of stanzas) connection.sendSealed(encodeBinaryNode(stanza))
  else if (sealed) {
    const frame = toFrame(sealed)
    const parts = kind === 'replayed' ? [frame, frame] : [...frame].map((byte) => Buffer.from([byte]))
    for (const part of parts) connection.sendRaw(part)
  } else if (kind === 'garbage') connection.sendRaw(toFrame(random.bytes(100, 'malformed')))
  else if (kind === 'empty') connection.sendRaw(toFrame(Buffer.alloc(0)))
  else if (kind === 'length') connection.sendRaw(Buffer.concat([Buffer.from([0, 3, 232]), Buffer.alloc(10)]))
  else connection.sendSealed(malformedStanza(kind, random))
}

const HARMLESS = el('ib', { from: SERVER }, [el('noop')])
const HALF_RIGHT = { from: SERVER, id: 'malformed', t: 'soon', type: 'text' }
const STANZAS: { [kind in MalformedKind]?: BinaryNode[] } = {
  bare: ['message', 'receipt', 'notification', 'call', 'ack', 'iq', 'presence', 'ib'].map((tag) => el(tag)),
  types: ['message', 'receipt', 'notification', 'call'].map((tag) => el(tag, HALF_RIGHT, 'text instead of children')),
}

/** A stanza as it is in a frame, flag byte first. */
export function malformedStanza(kind: MalformedKind, random: Random): Buffer {
  const whole = encodeBinaryNode(el('notification', { from: SERVER, id: 'malformed', type: 'server_sync' }))
  switch (kind) {
    case 'truncated':
      return whole.subarray(0, whole.length >> 1)
    case 'token':
      return Buffer.from([PLAIN, LIST_8, 1, NO_SUCH_TOKEN])
    case 'deflate':
      return Buffer.concat([Buffer.from([COMPRESSED]), random.bytes(100, 'malformed')])
    case 'bomb':
      return Buffer.concat([Buffer.from([COMPRESSED]), deflateSync(withContent(64 * MIB), { level: 9 })])
    case 'huge':
      return Buffer.concat([Buffer.from([PLAIN]), withContent(15 * MIB)])
    case 'deep': {
      const level = Buffer.from([LIST_8, 2, SOME_TOKEN, LIST_8, 1])
      return Buffer.concat([
        Buffer.from([PLAIN]),
        Buffer.alloc(level.length * DEPTH, level),
        Buffer.from([LIST_8, 1, SOME_TOKEN]),
      ])
    }
    case 'wide':
      return Buffer.from([PLAIN, LIST_8, 2, SOME_TOKEN, LIST_16, 255, 255])
    case 'jid':
      return Buffer.from([PLAIN, LIST_8, 3, SOME_TOKEN, SOME_TOKEN, JID_PAIR, 0, 0])
    default:
      return whole
  }
}

/** `<xmlns>` or whatever the token says, with that many zeros in it. */
function withContent(length: number): Buffer {
  const head = Buffer.from([LIST_8, 2, SOME_TOKEN, BINARY_32, 0, 0, 0, 0])
  head.writeUInt32BE(length, 4)
  return Buffer.concat([head, Buffer.alloc(length)])
}
