import { readFileSync } from 'node:fs'
import { type Life, Lives } from './lives.ts'
import type { Plan } from './plan.ts'
import type { Run } from './suite.ts'

export interface VictimOptions {
  /** The program: what `buildVictim` made. */
  file: string
  env: Record<string, string>
  /** Nobody is going to kill it: no second process stands by. */
  isOnly?: boolean
}

/** The server of a trial: one process after the other, all on one port and one store. */
export class VictimServer {
  readonly #run: Run
  readonly #lives: Lives
  #life: Life | undefined
  #url = ''
  /** What the processes have logged as errors, and their last words. */
  readonly complaints: string[] = []
  #mayRefuse = false

  constructor(run: Run, options: VictimOptions) {
    this.#run = run
    this.#lives = new Lives({ ...options, complain: (line) => this.#complain(line) })
    run.defer(() => this.#lives.end())
  }

  /** The same in every life. */
  get url(): string {
    return this.#url
  }

  /** The process that lives now, if any. */
  get life(): Life | undefined {
    return this.#life
  }

  /** The process before must have ended. */
  async begin(plan: Plan): Promise<Life> {
    const life = await this.#lives.begin(plan)
    this.#life = life
    void life.listening.then((found) => {
      if (found) this.#url = found.url
    })
    return life
  }

  /** Begins a life that nobody ends; resolves when it listens, with its set-up token if it has one. */
  async start(): Promise<string | undefined> {
    await this.end()
    const listening = await (await this.begin({ ms: 0, from: 'start' })).listening
    if (!listening) throw new Error('The server did not start.')
    return listening.setupToken
  }

  /** The same, for a process that may refuse: resolves with its last words when it has. */
  async tries(): Promise<string | undefined> {
    await this.end()
    this.#mayRefuse = true
    const isThere = await (await this.begin({ ms: 0, from: 'start' })).listening
    if (!isThere) await this.dies()
    this.#mayRefuse = false
    return isThere ? undefined : this.complaints.at(-1)
  }

  /** Resolves when the process has ended, with where. */
  async dies(): Promise<string> {
    const where = (await this.#life?.ended) ?? 'it was dead'
    this.#life = undefined
    return where
  }

  /** Ends the life that there is, if any, by kill -9. */
  async end(): Promise<void> {
    await this.#life?.kill()
    this.#life = undefined
  }

  /** Ends the life that there is as an operator would. */
  async stop(): Promise<void> {
    await this.#life?.stop()
    this.#life = undefined
  }

  /** The most memory that the process which lives now has had at once, in MiB; undefined where the system does not say. */
  peakMemory(): number | undefined {
    try {
      const status = readFileSync(`/proc/${this.#life?.pid}/status`, 'utf8')
      return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024
    } catch {
      return undefined // there is no such file elsewhere
    }
  }

  #complain(line: string): void {
    const { report, log } = this.#run
    report.count('complaints')
    this.complaints.push(line)
    if (this.complaints.length < 20) log(`the server: ${line.slice(0, 500)}`)
    if (line.includes('privKey')) report.broke('secrets', 'a private key was printed')
    if (line.startsWith('ended by itself') && !this.#mayRefuse) report.broke('crashed', line.slice(0, 4_000))
  }
}
