import { join } from 'node:path'
import { letWrite, SmallDisk } from '../runner/small-disk.ts'
import type { Run } from '../runner/suite.ts'
import type { Trial } from '../runner/trial.ts'

/** Something that keeps a store from keeping anything, for a while. */
export interface Trouble {
  readonly name: string
  /** Which accounts it has to close: all, those that wanted something of the store, or the one whose keys it is about. */
  readonly meets: 'all' | 'who noticed' | 'demo'
  /** Not one byte can be written: whatever is answered to WhatsApp now is not on disk. */
  readonly isTotal: boolean
  /** It is there for the next process, too. */
  readonly outlivesProcesses?: true
  begin(trial: Trial): Promise<void>
  end(trial: Trial): Promise<void>
}

/** Enough for a server that has just begun. */
const DISK_MIB = 24

/** Those that this machine can make. Before the server starts. */
export async function troublesOf(run: Run): Promise<Trouble[]> {
  if (run.store === 'sqlite') return onSqlite(run)
  return [ill('read-only', 'all', true)]
}

function onSqlite(run: Run): Trouble[] {
  const small = SmallDisk.mount(join(run.folder, 'wamux'), DISK_MIB)
  if (small) run.defer(async () => small.unmount())
  else run.log('This machine lets nobody have a small disk: a full one is played by SQLite (max_page_count).')
  const full: Trouble = small
    ? {
        name: 'full',
        meets: 'all',
        isTotal: false, // what SQLite has room for in its own files is still written
        outlivesProcesses: true,
        begin: async () => small.fill(),
        end: async () => small.free(),
      }
    : ill('no-pages', 'all', false)
  const io: Trouble = {
    name: 'io-error',
    meets: 'all',
    isTotal: true,
    begin: async ({ pid }) => {
      if (!letWrite(pid ?? 0, false)) throw new Error('There is no prlimit on this machine.')
    },
    end: async ({ pid }) => void letWrite(pid ?? 0, true),
  }
  const canForbid = letWrite(process.pid, true)
  if (!canForbid) run.log('There is no prlimit on this machine: errors of the disk are played only.')
  return [
    full,
    ...(canForbid ? [io] : []),
    ill('read-only', 'all', true),
    ill('unconfirmed', 'all', false),
    ill('unreadable', 'demo', false),
  ]
}

const ill = (
  name: 'no-pages' | 'read-only' | 'unconfirmed' | 'unreadable',
  meets: Trouble['meets'],
  isTotal: boolean,
): Trouble => ({
  name,
  meets,
  isTotal,
  begin: async (trial) => trial.sicken(name),
  end: async (trial) => trial.sicken(null),
})
