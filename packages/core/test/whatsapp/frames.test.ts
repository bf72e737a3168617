import { deflateSync } from 'node:zlib'
import { decodeBinaryNode } from '@whiskeysockets/baileys'
import { describe, expect, test } from 'vitest'
import { bounded, Frames, patchInflate, unbounded } from '../../src/whatsapp/frames.ts'

const MIB = 1024 * 1024
const frame = (length: number, fill = 1) =>
  Buffer.concat([Buffer.from([length >> 16, (length >> 8) & 255, length & 255]), Buffer.alloc(length, fill)])

describe('frames', () => {
  test('that come whole go on as they came', () => {
    const both = Buffer.concat([frame(5), frame(0), frame(300)])
    expect(new Frames().take(both)).toEqual(both)
  })
  test.each([1, 2, 3, 7, 1000])('in pieces of %i bytes go on when they are complete, and no byte is lost', (size) => {
    const all = Buffer.concat([frame(5, 1), frame(0), frame(300, 2), frame(1, 3), frame(70_000, 4)])
    const frames = new Frames()
    const taken: Uint8Array[] = []
    for (let from = 0; from < all.length; from += size) {
      const whole = frames.take(all.subarray(from, from + size))
      if (whole) taken.push(whole)
    }
    expect(Buffer.concat(taken).equals(all)).toBe(true)
    for (const whole of taken) expect(new Frames().take(whole)).toEqual(whole)
  })
  test('split at every byte are the same two', () => {
    const both = Buffer.concat([frame(20, 1), frame(20, 2)])
    for (let at = 1; at < both.length; at++) {
      const frames = new Frames()
      const parts = [frames.take(both.subarray(0, at)), frames.take(both.subarray(at))]
      expect(Buffer.concat(parts.filter((part) => part !== undefined)).equals(both)).toBe(true)
    }
  })
  test('of which each byte comes by itself are copied once', () => {
    const frames = new Frames()
    const length = MIB
    frames.take(frame(length).subarray(0, 3))
    const byte = Buffer.from([1])
    let early = 0
    // Copied for each byte this would be half a terabyte.
    for (let n = 1; n < length; n++) if (frames.take(byte)) early++
    expect(early).toBe(0)
    expect(frames.take(byte)?.length).toBe(length + 3)
  })
  test('do not hold the pieces in which they come: each would be kept with a hundred times its bytes', () => {
    const all = frame(300)
    const frames = new Frames()
    const piece = Buffer.alloc(1)
    const taken: Uint8Array[] = []
    for (const byte of all) {
      piece[0] = byte
      const whole = frames.take(piece)
      if (whole) taken.push(whole)
    }
    // What was taken is not written over by what comes next.
    for (const byte of frame(300, 2)) frames.take(Buffer.from([byte]))
    expect(Buffer.concat(taken).equals(all)).toBe(true)
  })
  test('that are longer than any stanza are refused when they are announced', () => {
    expect(() => new Frames().take(Buffer.from([255, 255, 255]))).toThrow('announced a frame of 16777215 bytes')
    expect(() => new Frames().take(Buffer.concat([frame(4), Buffer.from([255, 255, 255])]))).toThrow('announced')
  })
})

describe('what is unpacked', () => {
  // A list of a token and bytes, as Baileys reads it.
  const stanza = (length: number) => {
    const head = Buffer.from([248, 2, 5, 254, 0, 0, 0, 0])
    head.writeUInt32BE(length, 4)
    return Buffer.concat([Buffer.from([2]), deflateSync(Buffer.concat([head, Buffer.alloc(length)]), { level: 1 })])
  }
  const bomb = stanza(33 * MIB)
  patchInflate()
  patchInflate() // once per process

  test('has a limit where frames are read', async () => {
    const { content } = await bounded(() => decodeBinaryNode(stanza(MIB)))
    expect((content as Uint8Array).length).toBe(MIB)
    await expect(bounded(() => decodeBinaryNode(bomb))).rejects.toThrow('when unpacked')
  })
  test('has none elsewhere in the process, nor where a stanza is handled', async () => {
    await decodeBinaryNode(bomb)
    await bounded(() => unbounded(() => decodeBinaryNode(bomb)))
  })
})
