import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { WamuxError } from '../../errors.ts'

/** https://www.sqlite.org/fileformat.html#the_write_ahead_log */
const HEADER = 32
const FRAME_HEADER = 24
const MAGIC = 0x377f0682
const SECTOR = 512

type Sum = readonly [number, number]

/**
 * SQLite takes the first frame of its log that it cannot read for the end of the log, and forgets all that was committed
 * behind it: messages that WhatsApp was told had arrived, and ratchets that others have moved on from. After a power cut
 * that is right, since only the last commit can be torn. A place that is damaged before that is an error.
 * Call it before the database is opened, which may write over the log.
 * @throws STORE_FAILED
 */
export function assertWholeLog(database: string): void {
  const name = `${database}-wal`
  if (!existsSync(name)) return
  const file = openSync(name, 'r')
  try {
    const damage = damageIn(fstatSync(file).size, (from, length) => {
      const bytes = Buffer.alloc(length)
      readSync(file, bytes, 0, length, from)
      return bytes
    })
    if (damage === undefined) return
    const what = `${name} is damaged (${damage}): what was committed behind it would be forgotten.`
    const how = 'Restore a backup; or move that file away, which loses what is in it.'
    throw new WamuxError('STORE_FAILED', `${what} ${how}`)
  } finally {
    closeSync(file)
  }
}

/** What is wrong, in words. */
function damageIn(size: number, read: (from: number, length: number) => Buffer): string | undefined {
  if (size < HEADER) return undefined
  const header = read(0, HEADER)
  // It is flushed before the first frame is written: nothing was committed to a log that has none yet.
  if (header.every((byte) => byte === 0)) return undefined
  const isBigEndian = (header.readUInt32BE(0) & 1) === 1
  const sum = (seed: Sum, bytes: Buffer) => sumOf(seed, bytes, isBigEndian)
  const stored = (bytes: Buffer, at: number): Sum => [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)]
  const isHeader = header.readUInt32BE(0) >>> 1 === MAGIC >>> 1
  if (!isHeader || !isSame(sum([0, 0], header.subarray(0, 24)), stored(header, 24))) return 'its header'
  const length = FRAME_HEADER + header.readUInt32BE(8)
  const salt = header.subarray(16, 24)
  let seed = stored(header, 24)
  let broken: number | undefined
  let commits = 0
  for (let n = 0; HEADER + (n + 1) * length <= size; n++) {
    const at = HEADER + n * length
    const frame = read(at, length)
    // What is left of an earlier use of the file.
    const isOurs = frame.subarray(8, 16).equals(salt)
    const found = sum(sum(seed, frame.subarray(0, 8)), frame.subarray(FRAME_HEADER))
    seed = stored(frame, 16)
    const isWhole = isOurs && isSame(found, seed)
    if (!isWhole) {
      broken ??= n
      // What a failed flush left begins anew where a shorter commit was written over it: it is one commit by itself.
      commits = 0
    }
    if (broken === undefined || frame.readUInt32BE(4) === 0) continue
    // A power cut may leave half of a header that lies in two sectors.
    const isOneSector = (at % SECTOR) + FRAME_HEADER <= SECTOR
    if (isWhole || (isOurs && isOneSector)) commits++
    // Two in one chain: the second one was begun when the first was on disk.
    if (commits > 1) return `frame ${broken}`
  }
  return undefined
}

const isSame = (a: Sum, b: Sum) => a[0] === b[0] && a[1] === b[1]

function sumOf([first, second]: Sum, bytes: Buffer, isBigEndian: boolean): Sum {
  let [a, b] = [first, second]
  for (let at = 0; at < bytes.length; at += 8) {
    const [x, y] = isBigEndian
      ? [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)]
      : [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)]
    a = (a + x + b) >>> 0
    b = (b + y + a) >>> 0
  }
  return [a, b]
}
