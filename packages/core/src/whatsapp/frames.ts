import { AsyncLocalStorage } from 'node:async_hooks'
import { createRequire } from 'node:module'
import type { Duplex } from 'node:stream'

const MIB = 1024 * 1024
/** A frame says how long it is in three bytes; no stanza that is known comes near this. */
const MAX_FRAME = 8 * MIB
/** What a compressed stanza may grow to. */
const MAX_UNPACKED = 32 * MIB
/** The length in front of each frame. */
const HEAD = 3

/**
 * Puts together what comes in pieces. Baileys copies all that it has for each piece that comes, so that one frame in a
 * million pieces would keep the process busy for minutes; and a piece that is kept by itself takes a hundred bytes and more.
 */
export class Frames {
  /** The beginning of the next frame, in a buffer with room for more. */
  #kept = Buffer.alloc(0)
  #length = 0
  /** So many bytes make the next frame complete, as far as it is known. */
  #wanted = HEAD

  /** What is complete now, one or more frames; undefined when nothing is. @throws when a frame is longer than any stanza */
  take(piece: Uint8Array): Uint8Array | undefined {
    const isFirst = this.#length === 0
    const isEnough = this.#length + piece.length >= this.#wanted
    if (!isFirst || !isEnough) this.#keep(piece)
    if (!isEnough) return undefined
    const bytes = isFirst ? piece : this.#kept.subarray(0, this.#length)
    let end = 0
    this.#wanted = HEAD
    while (bytes.length - end >= HEAD) {
      const [high = 0, middle = 0, low = 0] = bytes.subarray(end, end + HEAD)
      const length = (high << 16) | (middle << 8) | low
      if (length > MAX_FRAME) throw new Error(`WhatsApp announced a frame of ${length} bytes.`)
      this.#wanted = HEAD + length
      if (bytes.length - end < this.#wanted) break
      end += this.#wanted
      this.#wanted = HEAD
    }
    // Another buffer: what is complete must not be written over.
    this.#kept = Buffer.alloc(0)
    this.#length = 0
    this.#keep(bytes.subarray(end))
    return end > 0 ? bytes.subarray(0, end) : undefined
  }

  #keep(piece: Uint8Array): void {
    const length = this.#length + piece.length
    if (length > this.#kept.length) {
      const larger = Buffer.alloc(Math.max(length, 2 * this.#kept.length))
      larger.set(this.#kept.subarray(0, this.#length))
      this.#kept = larger
    }
    this.#kept.set(piece, this.#length)
    this.#length = length
  }
}

const reading = new AsyncLocalStorage<boolean>()

/** Runs what reads frames: nothing that it unpacks grows without a limit. */
export const bounded = <T>(work: () => T): T => reading.run(true, work)
/** Runs what handles a stanza, such as a history, which is another matter. */
export const unbounded = <T>(work: () => T): T => reading.run(false, work)

let patched = false

/**
 * Baileys unpacks with `zlib.inflate` and no limit: 1 MiB on the wire becomes a gigabyte, in a process with other accounts.
 * Once per process; only what runs {@link bounded} is looked at.
 */
export function patchInflate(): void {
  if (patched) return
  patched = true
  // What `zlib.inflate` makes one of for each call; the types know it as an interface only.
  const { Inflate } = createRequire(import.meta.url)('node:zlib') as { Inflate: { prototype: Duplex } }
  const end = Inflate.prototype.end as (this: Duplex, ...args: unknown[]) => Duplex
  Object.defineProperty(Inflate.prototype, 'end', {
    configurable: true,
    writable: true,
    value: function (this: Duplex, ...args: unknown[]) {
      if (reading.getStore()) limit(this)
      return end.apply(this, args)
    },
  })
}

function limit(stream: Duplex): void {
  let length = 0
  stream.on('data', (part: Uint8Array) => {
    length += part.length
    if (length > MAX_UNPACKED) stream.destroy(new Error(`A stanza is longer than ${MAX_UNPACKED} bytes when unpacked.`))
  })
}
