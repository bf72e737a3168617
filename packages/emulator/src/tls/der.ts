/** The little of DER (X.690) that a certificate is made of. Each function returns one encoded value. */

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x30, ...parts)
}

export function set(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x31, ...parts)
}

/** A positive number, big-endian. */
export function integer(magnitude: Uint8Array): Buffer {
  const isSigned = ((magnitude[0] ?? 0) & 0x80) !== 0
  return tagged(0x02, isSigned ? Buffer.concat([Buffer.of(0), magnitude]) : magnitude)
}

export function boolean(value: boolean): Buffer {
  return tagged(0x01, Buffer.of(value ? 0xff : 0))
}

/** `unusedBits` of the last byte do not count. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return tagged(0x03, Buffer.of(unusedBits), bytes)
}

export function octetString(bytes: Uint8Array): Buffer {
  return tagged(0x04, bytes)
}

export function utf8String(text: string): Buffer {
  return tagged(0x0c, Buffer.from(text))
}

/** Dotted, such as `2.5.4.3`. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tagged(0x06, Buffer.from([40 * first + second, ...rest.flatMap(base128)]))
}

/** Years from 2050 on have four digits, those before two (RFC 5280, 4.1.2.5). */
export function time(at: Date): Buffer {
  const digits = at.toISOString().replace(/[-:T]|\.\d+/g, '')
  return at.getUTCFullYear() < 2050 ? tagged(0x17, Buffer.from(digits.slice(2))) : tagged(0x18, Buffer.from(digits))
}

/** Any other tag: `0xa0` and up are context-specific and hold encoded values, `0x80` and up hold bytes. */
export function tagged(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.of(tag), length(body.length), body])
}

function length(value: number): Buffer {
  if (value < 0x80) return Buffer.of(value)
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  const start = bytes.findIndex((byte) => byte !== 0)
  return Buffer.concat([Buffer.of(0x80 | (4 - start)), bytes.subarray(start)])
}

function base128(value: number): number[] {
  const digits = [value & 0x7f]
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) digits.unshift((rest & 0x7f) | 0x80)
  return digits
}
