import { constants, deflateRawSync, deflateSync } from 'node:zlib'
import { type BinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys'
import type { Random } from '../state/random.ts'
import type { Connection } from '../stream/connection.ts'
import { toFrame } from '../stream/frames.ts'
import { el, SERVER } from '../stream/nodes.ts'

/**
 * In a frame that opens: `truncated` in the middle, an unknown `token`, a `deflate` stream that is none, a `bomb` of
 * 64 MiB in 64 KiB, a `gigabyte` in 1 MiB, 100,000 stanzas in each other (`deep`), a list that promises more than there is
 * (`wide`), a `jid` without a server, a `huge` stanza, as long as a frame can be, stanzas without what belongs to them
 * (`bare`) or with text for children (`types`). Frames that do not open: `garbage`, `empty`, `replayed`, `tampered` in one
 * bit; `length`: says it is longer than what follows; `text`: not even binary. And well-formed ones, which come `bytewise`, or
 * `split` in two, each at another byte.
 */
export const MALFORMED_KINDS = [
  'truncated',
  'token',
  'deflate',
  'bomb',
  'gigabyte',
  'deep',
  'wide',
  'jid',
  'huge',
  'bare',
  'types',
  'garbage',
  'empty',
  'replayed',
  'tampered',
  'length',
  'text',
  'bytewise',
  'split',
] as const
export type MalformedKind = (typeof MALFORMED_KINDS)[number]

const MIB = 1024 * 1024
/** Bytes of the wire format. */
const [LIST_8, LIST_16, JID_PAIR, BINARY_32, NO_SUCH_TOKEN, SOME_TOKEN] = [248, 249, 250, 254, 238, 5]
const PLAIN = 0
const COMPRESSED = 2
const DEPTH = 100_000
/** The longest that a frame holds, less what seals it and what stands before the bytes. */
const HUGE = 16 * MIB - 1 - 32

/** Sends it. What a frame that does not open does to the counters of the client is for good. */
export function sendMalformed(connection: Connection, kind: MalformedKind, random: Random): void {
  const stanzas = STANZAS[kind]
  const pieces = PIECES[kind]
  if (kind === 'text') connection.sendText('<stream:error/>')
  else if (stanzas) for (const stanza of stanzas) connection.sendSealed(encodeBinaryNode(stanza))
  else if (pieces) for (const piece of pieces(() => sealedFrame(connection))) connection.sendRaw(piece)
  else if (kind === 'garbage') connection.sendRaw(toFrame(random.bytes(100, 'malformed')))
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

/** What becomes of frames that would open, by the piece. */
const PIECES: { [kind in MalformedKind]?: (next: () => Buffer) => Buffer[] } = {
  bytewise: (next) => [...next()].map((byte) => Buffer.from([byte])),
  replayed: (next) => {
    const frame = next()
    return [frame, frame]
  },
  tampered: (next) => {
    const frame = next()
    frame[frame.length - 1] = (frame.at(-1) ?? 0) ^ 1
    return [frame]
  },
  split: (next) => {
    const frames = [next()]
    while (frames.length < (frames[0]?.length ?? 0) - 1) frames.push(next())
    return frames.flatMap((frame, index) => [frame.subarray(0, index + 1), frame.subarray(index + 1)])
  },
}

function sealedFrame(connection: Connection): Buffer {
  return toFrame(connection.seal(encodeBinaryNode(HARMLESS)) ?? Buffer.alloc(0))
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
    case 'gigabyte':
      return Buffer.concat([Buffer.from([COMPRESSED]), deflatedGigabyte()])
    case 'huge':
      return Buffer.concat([Buffer.from([PLAIN]), withContent(HUGE)])
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

/** The same, deflated, without that anybody had to hold it: most of it is one piece again and again. */
function deflatedGigabyte(): Buffer {
  const [times, zeros] = [64, Buffer.alloc(16 * MIB)]
  const head = headOf(times * zeros.length)
  const flush = { finishFlush: constants.Z_FULL_FLUSH, level: 9 }
  const piece = deflateRawSync(zeros, flush)
  return Buffer.concat([
    Buffer.from([0x78, 0xda]),
    deflateRawSync(head, flush),
    ...Array.from({ length: times }, () => piece),
    deflateRawSync(Buffer.alloc(0)),
    adler(head, times * zeros.length),
  ])
}

/** The checksum of zlib, of some bytes and that many zeros behind them. */
function adler(bytes: Uint8Array, zeros: number): Buffer {
  const PRIME = 65_521
  let [a, b] = [1, 0]
  for (const byte of bytes) {
    a = (a + byte) % PRIME
    b = (b + a) % PRIME
  }
  b = (b + a * (zeros % PRIME)) % PRIME
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(b * 65_536 + a)
  return sum
}

/** `<xmlns>` or whatever the token says, with that many zeros in it. */
function withContent(length: number): Buffer {
  return Buffer.concat([headOf(length), Buffer.alloc(length)])
}

function headOf(length: number): Buffer {
  const head = Buffer.from([LIST_8, 2, SOME_TOKEN, BINARY_32, 0, 0, 0, 0])
  head.writeUInt32BE(length, 4)
  return head
}
