import { fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** The server gives a delivery up after a little more than three days. */
const KEPT_MS = 7 * 24 * 60 * 60_000

/** The ids of deliveries that were dealt with, in a file to which each is written before it is confirmed. */
export class Seen {
  readonly #ids: Set<string>
  readonly #file: number

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true })
    const path = join(folder, 'seen.txt')
    // A line that a crash cut short is left out with those that are too old.
    const lines = read(path).filter(
      (line) => /^\d+ \S+ \.$/.test(line) && Date.now() - Number.parseInt(line, 10) < KEPT_MS,
    )
    this.#ids = new Set(lines.map((line) => line.split(' ')[1] ?? ''))
    writeFileSync(`${path}.new`, lines.map((line) => `${line}\n`).join(''))
    renameSync(`${path}.new`, path)
    this.#file = openSync(path, 'a')
  }

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  /** On disk when it returns. */
  add(id: string): void {
    writeSync(this.#file, `${Date.now()} ${id} .\n`)
    fsyncSync(this.#file)
    this.#ids.add(id)
  }
}

function read(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
