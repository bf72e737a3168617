/**
 * `npm run bench`: what wamux costs next to raw Baileys, in one run. Each arm is a process of its own, the network is
 * another; their rounds are interleaved, and the ratio counts: machines differ, and are busy with other things.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { start as startPostgres } from '../scripts/postgres-for-tests.mjs'
import { newDatabase } from '../tests/harness/postgres.ts'
import type { Answer, Order } from './arm.ts'
import { CONTACTS } from './contacts.ts'

const ROUNDS = 7
const PER_ROUND = 100
const WARM_UP = 100
const WAYS = ['send', 'receive'] as const
const TITLES: Record<string, string> = {
  raw: 'raw, in memory',
  'raw-sqlite': 'R: raw, on disk',
  wamux: 'S: wamux, SQLite',
  'wamux-postgres': 'P: …, PostgreSQL',
}
const LETTERS: Record<string, string> = { wamux: 'S', 'wamux-postgres': 'P' }
/** Memory is the slope between two numbers of idle sessions: the first use of everything is not a session's. */
const [FEW, MANY] = [5, 45]

const root = fileURLToPath(new URL('..', import.meta.url))
const source = ['--conditions=@wamux/source']
const data = mkdtempSync(join(tmpdir(), 'wamux-bench-'))
const children: ChildProcess[] = []

async function network(): Promise<string> {
  const args = [...source, 'packages/emulator/src/cli.ts', '--port', '0']
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  for await (const line of createInterface(child.stdout)) {
    const [, control] = /(http:\/\/[^/]+)\/admin/.exec(line) ?? []
    if (control !== undefined) return control
  }
  throw new Error('The network did not start.')
}

/** Each folder's accounts have numbers of their own, the same after a restart. */
const folders: string[] = []
function firstPhone(folder: string): string {
  if (!folders.includes(folder)) folders.push(folder)
  return String(491_700_000_000 + folders.indexOf(folder) * 1_000)
}

class Arm {
  readonly name: string
  readonly #child: ChildProcess
  readonly #over = new AbortController()

  constructor(name: string, emulator: string, folder = name, database?: string) {
    this.name = name
    this.#child = fork(join(root, 'bench/arm.ts'), [], {
      cwd: root,
      execArgv: [...source, '--expose-gc'],
      // Stock libsignal prints sessions, keys included.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: {
        ...process.env,
        ARM: name,
        EMULATOR: emulator,
        DATA: join(data, folder),
        FIRST_PHONE: firstPhone(folder),
        ...(database !== undefined && { DATABASE: database }),
      },
    })
    children.push(this.#child)
    this.#child.once('exit', () => this.#over.abort(new Error(`The arm ${name} ended.`)))
  }

  async ready(): Promise<void> {
    await once(this.#child, 'message')
  }

  async order(order: Order): Promise<Answer> {
    const answer = once(this.#child, 'message', { signal: this.#over.signal })
    this.#child.send(order)
    return (await answer)[0] as Answer // what arm.ts sends
  }

  end(): void {
    this.#child.kill('SIGKILL')
  }
}

const databaseOf = async (name: string) => (await newDatabase(name === 'wamux-postgres'))?.url

/** What a process with so many linked sessions takes that only opened them. */
async function idle(name: string, emulator: string, sessions: number): Promise<Answer> {
  const folder = `${name}-${sessions}`
  const database = await databaseOf(name)
  const linking = new Arm(name, emulator, folder, database)
  await linking.ready()
  await linking.order({ do: 'open', upTo: sessions })
  await linking.order({ do: 'save' })
  linking.end()
  const opened = new Arm(name, emulator, folder, database)
  await opened.ready()
  const answer = await opened.order({ do: 'open', upTo: sessions })
  opened.end()
  return answer
}

const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
const row = (...cells: string[]) =>
  console.log(cells.map((cell, index) => (index ? cell.padStart(18) : cell.padEnd(34))).join(''))

const postgres = await startPostgres({ fsync: true })
if (postgres) process.env.WAMUX_TEST_POSTGRES = postgres.url
try {
  const emulator = await network()
  for (const phone of CONTACTS) {
    await fetch(`${emulator}/admin/contacts`, { method: 'POST', body: JSON.stringify({ phone, behaviour: 'silent' }) })
  }
  const names = ['raw', 'raw-sqlite', 'wamux', ...(postgres ? ['wamux-postgres'] : [])]
  const arms: Arm[] = []
  for (const name of names) arms.push(new Arm(name, emulator, name, await databaseOf(name)))
  for (const arm of arms) await arm.ready()
  const figures = () => new Map<Arm, number[]>(arms.map((arm) => [arm, []]))
  const cpu = { send: figures(), receive: figures() }
  const wall = { send: figures(), receive: figures() }
  for (const arm of arms) {
    await arm.order({ do: 'open', upTo: 1 })
    for (const way of WAYS) await arm.order({ do: way, count: WARM_UP })
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const arm of round % 2 === 0 ? arms : arms.toReversed()) {
      for (const way of WAYS) {
        const { cpuMs, wallMs } = await arm.order({ do: way, count: PER_ROUND })
        cpu[way].get(arm)?.push(cpuMs / PER_ROUND)
        wall[way].get(arm)?.push(wallMs / PER_ROUND)
      }
    }
  }
  const slope = { rss: new Map<Arm, number>(), heap: new Map<Arm, number>() }
  const base = new Map<Arm, number>()
  // Idle sessions are those of a process that was restarted: linking leaves garbage that no running server has.
  for (const arm of arms) {
    arm.end()
    const [few, many] = [await idle(arm.name, emulator, FEW), await idle(arm.name, emulator, MANY)]
    base.set(arm, few.rssMb)
    slope.rss.set(arm, ((many.rssMb - few.rssMb) * 1024) / (MANY - FEW))
    slope.heap.set(arm, ((many.heapMb - few.heapMb) * 1024) / (MANY - FEW))
  }

  console.log(
    `Node ${process.version}, load average ${loadavg()[0]?.toFixed(1)}, medians of ${ROUNDS} interleaved rounds of ${PER_ROUND} messages`,
  )
  row('', ...names.map((name) => TITLES[name] ?? name), ...arms.slice(2).map(({ name }) => `${LETTERS[name]} : R`))
  const line = (title: string, unit: string, of: (arm: Arm) => number) => {
    const values = arms.map(of)
    const [, disk = Number.NaN, ...ours] = values
    row(
      title,
      ...values.map((value) => `${value.toFixed(2)} ${unit}`),
      ...ours.map((value) => (value / disk).toFixed(2)),
    )
  }
  const titles = { send: 'send', receive: 'received message' }
  for (const way of WAYS) {
    line(`CPU per ${titles[way]}`, 'ms', (arm) => median(cpu[way].get(arm) ?? []))
    line(`wall time per ${titles[way]}`, 'ms', (arm) => median(wall[way].get(arm) ?? []))
    line('… that is', '/s', (arm) => 1000 / median(wall[way].get(arm) ?? []))
  }
  line(`heap per idle session, ${FEW} to ${MANY}`, 'KB', (arm) => slope.heap.get(arm) ?? Number.NaN)
  line(`RSS per idle session, ${FEW} to ${MANY}`, 'KB', (arm) => slope.rss.get(arm) ?? Number.NaN)
  line(`RSS with ${FEW} sessions`, 'MB', (arm) => base.get(arm) ?? Number.NaN)
  console.log(
    'Of one account, 4 chats at a time. Both raw arms are Baileys as its documentation uses it: "raw" keeps keys',
  )
  console.log(
    'in memory, "raw-sqlite" flushes them to disk; neither keeps a message, an event or an outbox. Every commit of',
  )
  console.log('wamux is flushed. The CPU of PostgreSQL itself is not counted.')
} finally {
  for (const child of children) child.kill('SIGKILL')
  await postgres?.stop()
  rmSync(data, { recursive: true, force: true })
}
