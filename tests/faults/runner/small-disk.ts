import { execFileSync } from 'node:child_process'
import { chownSync, closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const CHUNK = 64 * 1024
const SMALLEST = 512

/** A disk of a few MiB that can be filled up. Only root may have one, and only on Linux. */
export class SmallDisk {
  readonly folder: string
  readonly #ballast: string

  /** Undefined where there cannot be one. The caller unmounts it. */
  static mount(folder: string, mib: number, owner?: { uid: number; gid: number }): SmallDisk | undefined {
    mkdirSync(folder, { recursive: true })
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m,mode=0700`, 'tmpfs', folder], { stdio: 'ignore' })
    } catch {
      return undefined // not root, or a container that may not mount
    }
    if (owner) chownSync(folder, owner.uid, owner.gid)
    return new SmallDisk(folder)
  }

  private constructor(folder: string) {
    this.folder = folder
    this.#ballast = join(folder, 'ballast')
  }

  /** Until not a byte more can be written. Again and again is fine: what others let go of is taken, too. */
  fill(): void {
    const file = openSync(this.#ballast, 'a')
    try {
      for (let size = CHUNK; size >= SMALLEST; size /= 2) while (hasRoomFor(file, size));
    } finally {
      closeSync(file)
    }
  }

  free(): void {
    rmSync(this.#ballast, { force: true })
  }

  unmount(): void {
    // Lazily: a process that was killed may not have let go of its files yet.
    execFileSync('umount', ['-l', this.folder])
  }
}

function hasRoomFor(file: number, bytes: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(bytes)) === bytes
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false
    throw error
  }
}

/**
 * The system lets a process write nothing more into files, with an error that is not that of a full disk, or all again.
 * False where that cannot be said to a process that runs.
 */
export function letWrite(pid: number, may: boolean): boolean {
  try {
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${may ? 'unlimited' : '0'}:unlimited`], { stdio: 'ignore' })
    return true
  } catch {
    return false // no such program here
  }
}
