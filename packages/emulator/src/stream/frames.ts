import { INTRO } from '../noise/handshake.ts'

const MAX_FRAME = 16 * 1024 * 1024
const ROUTING_MARK = Buffer.from([0x45, 0x44, 0, 1])

/** Cuts the byte stream of one connection into frames: an intro once, then a 3-byte length before each body. */
export class FrameReader {
  #buffered: Buffer = Buffer.alloc(0)
  /** Pieces of a frame that is not complete yet: put together once, whatever their number. */
  #pieces: Buffer[] = []
  #missing = 0
  #introSeen = false

  /** Throws when the stream does not start like WhatsApp's. */
  push(chunk: Buffer): Buffer[] {
    this.#pieces.push(chunk)
    this.#missing -= chunk.length
    if (this.#missing > 0) return []
    this.#buffered =
      this.#buffered.length === 0 && this.#pieces.length === 1
        ? chunk
        : Buffer.concat([this.#buffered, ...this.#pieces])
    this.#pieces = []
    if (!this.#introSeen && !this.#readIntro()) return []
    const frames: Buffer[] = []
    this.#missing = 0
    while (this.#buffered.length >= 3) {
      const length = this.#buffered.readUIntBE(0, 3)
      this.#missing = length + 3 - this.#buffered.length
      if (this.#missing > 0) break
      frames.push(this.#buffered.subarray(3, length + 3))
      this.#buffered = this.#buffered.subarray(length + 3)
    }
    return frames
  }

  #readIntro(): boolean {
    let bytes = this.#buffered
    if (bytes.length < INTRO.length) return false
    if (bytes.subarray(0, 4).equals(ROUTING_MARK)) {
      // A client that was told where to connect repeats it here; it is not part of the handshake's hash.
      if (bytes.length < 7) return false
      const end = 7 + bytes.readUIntBE(4, 3)
      if (bytes.length < end + INTRO.length) return false
      bytes = bytes.subarray(end)
    }
    if (!bytes.subarray(0, INTRO.length).equals(INTRO)) throw new Error('the stream does not start with WA 6.3')
    this.#buffered = bytes.subarray(INTRO.length)
    this.#introSeen = true
    return true
  }
}

export function toFrame(body: Uint8Array): Buffer {
  if (body.length >= MAX_FRAME) throw new Error(`a frame of ${body.length} bytes is too long`)
  const frame = Buffer.allocUnsafe(body.length + 3)
  frame.writeUIntBE(body.length, 0, 3)
  frame.set(body, 3)
  return frame
}
