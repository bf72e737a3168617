/**
 * `npm run bench`: what wamux costs next to raw Baileys, in one run. Both arms are processes of their own, the network
 * is a third; their rounds are interleaved, and the ratio counts: machines differ, and are busy with other things.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Answer, Order } from './arm.ts'

const ROUNDS = 7
const PER_ROUND = 100
const WARM_UP = 100
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

class Arm {
  readonly name: string
  readonly #child: ChildProcess
  readonly #over = new AbortController()

  constructor(name: string, emulator: string, folder = name) {
    this.name = name
    this.#child = fork(join(root, 'bench/arm.ts'), [], {
      cwd: root,
      execArgv: [...source, '--expose-gc'],
      // Stock libsignal prints sessions, keys included.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, ARM: name, EMULATOR: emulator, DATA: join(data, folder) },
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

const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
const row = (...cells: string[]) =>
  console.log(cells.map((cell, index) => (index ? cell.padStart(14) : cell.padEnd(34))).join(''))

try {
  const emulator = await network()
  const contact = { phone: '491234567890', name: 'Max Mustermann', behaviour: 'silent' }
  await fetch(`${emulator}/admin/contacts`, { method: 'POST', body: JSON.stringify(contact) })
  const arms = ['raw', 'wamux'].map((name) => new Arm(name, emulator))
  for (const arm of arms) await arm.ready()
  const [raw, wamux] = arms
  if (!raw || !wamux) throw new Error('Both arms are needed.')

  const cpu = new Map<Arm, number[]>(arms.map((arm) => [arm, []]))
  const wall = new Map<Arm, number[]>(arms.map((arm) => [arm, []]))
  for (const arm of arms) {
    await arm.order({ do: 'open', upTo: 1 })
    await arm.order({ do: 'send', count: WARM_UP })
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const arm of round % 2 === 0 ? arms : arms.toReversed()) {
      const { cpuMs, wallMs } = await arm.order({ do: 'send', count: PER_ROUND })
      cpu.get(arm)?.push(cpuMs / PER_ROUND)
      wall.get(arm)?.push(wallMs / PER_ROUND)
    }
  }
  const slope = new Map<Arm, number>()
  const base = new Map<Arm, number>()
  // Idle sessions are measured in processes that never did anything else.
  for (const arm of arms) {
    arm.end()
    const idle = new Arm(arm.name, emulator, `${arm.name}-idle`)
    await idle.ready()
    const few = await idle.order({ do: 'open', upTo: FEW })
    const many = await idle.order({ do: 'open', upTo: MANY })
    base.set(arm, few.rssMb)
    slope.set(arm, ((many.rssMb - few.rssMb) * 1024) / (MANY - FEW))
    idle.end()
  }

  console.log(
    `Node ${process.version}, load average ${loadavg()[0]?.toFixed(1)}, medians of ${ROUNDS} interleaved rounds of ${PER_ROUND} sends`,
  )
  row('', 'raw Baileys', 'wamux', 'ratio')
  const line = (title: string, unit: string, [a, b]: [number, number]) =>
    row(title, `${a.toFixed(2)} ${unit}`, `${b.toFixed(2)} ${unit}`, (b / a).toFixed(2))
  const of = (values: Map<Arm, number[]>): [number, number] => [
    median(values.get(raw) ?? []),
    median(values.get(wamux) ?? []),
  ]
  line('CPU per send (4 at a time)', 'ms', of(cpu))
  line('wall time per send', 'ms', of(wall))
  line(`memory per idle session, ${FEW} to ${MANY}`, 'KB', [slope.get(raw) ?? 0, slope.get(wamux) ?? 0])
  line(`memory with ${FEW} sessions`, 'MB', [base.get(raw) ?? 0, base.get(wamux) ?? 0])
  console.log('raw Baileys keeps its keys in memory; wamux has each message, key and event flushed to disk.')
} finally {
  for (const child of children) child.kill('SIGKILL')
  rmSync(data, { recursive: true, force: true })
}
