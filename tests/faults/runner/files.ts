import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from './random.ts'

const NAMES = ['wamux.db', 'wamux.db-wal'] as const
const WAL_HEADER = 32
const FRAME_HEADER = 24

/** The database of a server that was killed, as it was then, and what is done to it meanwhile. */
export class Files {
  /** Where they are kept as they were. */
  readonly folder: string
  readonly #data: string
  readonly #random: Random

  constructor(data: string, random: Random) {
    this.#data = data
    this.#random = random
    this.folder = mkdtempSync(`${data}-kept-`)
    for (const name of NAMES) if (existsSync(join(data, name))) copyFileSync(join(data, name), join(this.folder, name))
  }

  /** Turns so many bits of the pages, or of the log before its last commit. */
  damage(place: 'pages' | 'log', bits: number): void {
    const name = join(this.#data, place === 'pages' ? 'wamux.db' : 'wamux.db-wal')
    if (!existsSync(name)) return
    const bytes = readFileSync(name)
    const end = place === 'pages' ? bytes.length : endOfLastButOne(bytes)
    for (let bit = 0; bit < bits && end > 0; bit++) {
      const at = this.#random.below(end)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << this.#random.below(8))
    }
    writeFileSync(name, bytes)
  }

  undo(): void {
    for (const name of [...NAMES, 'wamux.db-shm']) rmSync(join(this.#data, name), { force: true })
    for (const name of NAMES) {
      if (existsSync(join(this.folder, name))) copyFileSync(join(this.folder, name), join(this.#data, name))
    }
    rmSync(this.folder, { recursive: true })
  }
}

/** Behind it is only what a power cut could have torn as well. */
function endOfLastButOne(log: Buffer): number {
  if (log.length < WAL_HEADER) return 0
  const length = FRAME_HEADER + log.readUInt32BE(8)
  const ends: number[] = []
  for (let at = WAL_HEADER; at + length <= log.length; at += length) {
    const isOurs = log.subarray(at + 8, at + 16).equals(log.subarray(16, 24))
    if (isOurs && log.readUInt32BE(at + 4) > 0) ends.push(at + length)
  }
  return ends.at(-2) ?? 0
}
