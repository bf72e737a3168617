/**
 * `npm run bench:emulator`: what a network with many connected sessions costs: CPU per message and memory per session of
 * the emulator's process, from /proc, with the wall time beside. The sessions are light clients in this process.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type LightAccount, LightClient, linkLight } from '../packages/emulator/test/light-client.ts'

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '1000' },
    /** Of each session in each round. */
    messages: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    /** Folder for CPU profiles of the emulator. */
    profile: { type: 'string' },
  },
})
const [SESSIONS, MESSAGES, ROUNDS] = [values.sessions, values.messages, values.rounds].map(Number) as [
  number,
  number,
  number,
]
/** Memory is a slope: what the first sessions bring along is not a session's. */
const FEW = Math.max(1, Math.floor(SESSIONS / 10))
const CONTACTS = 100
/** So many sessions at a time are linked or logged in. */
const AT_ONCE = 16
/** V8 and SQLite give memory back in their own time. */
const SETTLE_MS = 3_000
const FIRST_PHONE = 15_550_100_000
const FIRST_CONTACT = 491_520_000_000

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'wamux-bench-emulator-'))

/** CPU time that a process has used, in ms. The kernel counts in ticks of 10 ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

function rssKb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

/** The emulator in a process of its own, on a state file. */
class Network {
  readonly #child: ChildProcess
  readonly pid: number
  url = ''
  control = ''

  private constructor(child: ChildProcess) {
    this.#child = child
    this.pid = child.pid ?? 0
  }

  static async start(name: string): Promise<Network> {
    const profiling = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(values.profile, name)}`]
    const args = ['packages/emulator/src/cli.ts', '--port', '0', '--state', join(folder, 'network.db')]
    const child = spawn(process.execPath, [...profiling, '--conditions=@wamux/source', ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    process.once('exit', () => child.kill('SIGKILL'))
    const network = new Network(child)
    for await (const line of createInterface(child.stdout)) {
      network.url = /ws:\/\/\S+/.exec(line)?.[0] ?? network.url
      network.control = /(http:\/\/[^/]+)\/admin/.exec(line)?.[1] ?? network.control
      if (line.startsWith('state:')) return network
    }
    throw new Error('The network did not start.')
  }

  async post(path: string, body: string): Promise<void> {
    const answer = await fetch(`${this.control}${path}`, { method: 'POST', body })
    if (!answer.ok) throw new Error(await answer.text())
    await answer.arrayBuffer()
  }

  async health(): Promise<Record<string, unknown>> {
    return (await (await fetch(`${this.control}/admin/health`)).json()) as Record<string, unknown> // its own description
  }

  /** What `work` costs this process, and how long it takes. */
  async measure(work: () => Promise<void>): Promise<{ cpu: number; wall: number }> {
    const [cpu, wall] = [cpuMs(this.pid), performance.now()]
    await work()
    return { cpu: cpuMs(this.pid) - cpu, wall: performance.now() - wall }
  }

  async settledRssKb(): Promise<number> {
    await new Promise((settled) => setTimeout(settled, SETTLE_MS))
    return rssKb(this.pid)
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    await once(this.#child, 'exit')
  }
}

/** `job` for each item, so many at a time. */
async function each<T>(
  items: readonly T[],
  atOnce: number,
  job: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const queue = items.entries()
  const worker = async () => {
    for (const [index, item] of queue) await job(item, index)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
const report = (title: string, ...parts: string[]) =>
  console.log(title.padEnd(46) + parts.map((p) => p.padStart(20)).join(''))

async function link(): Promise<LightAccount[]> {
  const network = await Network.start('linking')
  const accounts: LightAccount[] = new Array(SESSIONS)
  const { cpu, wall } = await network.measure(() =>
    each(accounts, AT_ONCE, async (_, index) => {
      const phone = FIRST_PHONE + index
      accounts[index] = await linkLight(network.url, (qr) =>
        network.post(`/admin/mock-phone/scan-qr?phone=${phone}`, qr),
      )
    }),
  )
  report('linking a session', `${(cpu / SESSIONS).toFixed(1)} ms CPU`, `${(wall / SESSIONS).toFixed(1)} ms wall`)
  await network.stop()
  return accounts
}

async function main(): Promise<void> {
  console.log(`Node ${process.version}, load average ${loadavg()[0]?.toFixed(1)}, ${SESSIONS} sessions, state on disk`)
  const accounts = await link()
  const network = await Network.start('running')
  const clients: LightClient[] = []
  const connect = (upTo: number) =>
    each(accounts.slice(clients.length, upTo), AT_ONCE, async (account) => {
      clients.push(await LightClient.login(network.url, account))
    })
  // The first login brings keys and history, which are confirmed; from the second on a session is what it will be.
  const first = await network.measure(() => connect(SESSIONS))
  report(
    'first login, with keys and history',
    `${(first.cpu / SESSIONS).toFixed(1)} ms CPU`,
    `${(first.wall / SESSIONS).toFixed(1)} ms wall`,
  )
  for (const client of clients.splice(0)) await client.end()
  await network.stop()
  await messages(accounts)
}

async function messages(accounts: readonly LightAccount[]): Promise<void> {
  const network = await Network.start('messages')
  const clients: LightClient[] = []
  const connect = (upTo: number) =>
    each(accounts.slice(clients.length, upTo), AT_ONCE, async (account) => {
      clients.push(await LightClient.login(network.url, account))
    })
  const empty = await network.settledRssKb()
  await connect(FEW)
  const few = await network.settledRssKb()
  const again = await network.measure(() => connect(SESSIONS))
  const many = await network.settledRssKb()
  const rest = SESSIONS - FEW
  report('login', `${(again.cpu / rest).toFixed(1)} ms CPU`, `${(again.wall / rest).toFixed(1)} ms wall`)
  report(`memory per idle session, ${FEW} to ${SESSIONS}`, `${((many - few) / rest).toFixed(1)} KB RSS`)
  report('memory of the process', `${(empty / 1024).toFixed(0)} MB empty`, `${(many / 1024).toFixed(0)} MB with all`)

  const contacts = Array.from({ length: CONTACTS }, (_, index) => String(FIRST_CONTACT + index))
  for (const phone of contacts) await network.post('/admin/contacts', JSON.stringify({ phone, behaviour: 'blind' }))
  const toContacts = (client: LightClient, index: number) => client.says(contacts[index % CONTACTS] ?? '')
  const toSessions = async (client: LightClient, index: number) => {
    const { phone, device } = clients[(index + 1) % clients.length]?.account ?? client.account
    await client.says(phone, [`${phone}:${device}`])
  }
  for (const [title, says] of [
    ['to a blind contact', toContacts],
    ['to another session', toSessions],
  ] as const) {
    const round = () =>
      each(clients, clients.length, async (client, index) => {
        for (let message = 0; message < MESSAGES; message++) await says(client, index)
      })
    await round() // warms up
    const [cpu, wall]: [number[], number[]] = [[], []]
    for (let count = 0; count < ROUNDS; count++) {
      const cost = await network.measure(round)
      cpu.push(cost.cpu / (SESSIONS * MESSAGES))
      wall.push(cost.wall / (SESSIONS * MESSAGES))
    }
    report(`message ${title}`, `${median(cpu).toFixed(3)} ms CPU`, `${median(wall).toFixed(3)} ms wall`)
  }
  const after = await network.settledRssKb()
  report('memory of the process after the messages', `${(after / 1024).toFixed(0)} MB`)
  const { pending, unknownStanzas } = await network.health()
  if (pending !== 0 || unknownStanzas !== 0) throw new Error(`${pending} stanzas wait, ${unknownStanzas} are unknown.`)
  for (const client of clients) await client.end()
  await network.stop()
}

try {
  await main()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
