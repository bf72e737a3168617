import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Plan } from './plan.ts'
import type { Sickness } from './sick-store.ts'

export interface LivesOptions {
  /** What the victim is told by its environment. */
  env: Record<string, string>
  /** The program: what `buildVictim` made. */
  file: string
  /** There will be no second process. */
  isOnly?: boolean
  /** What was logged as an error, and ends that nobody asked for. */
  complain(line: string): void
}

/** Where a process died that was killed from outside. */
export const AT_A_MOMENT = 'at a moment'

interface Said {
  isWarm?: true
  url?: string
  port?: number
  setupToken?: string
  died?: string
  error?: object
}

/** One process, from its start to its end. */
export interface Life {
  readonly pid: number | undefined
  /** Resolves when it listens; undefined when it was killed before. */
  readonly listening: Promise<{ url: string; setupToken: string | undefined } | undefined>
  /** Resolves with the place of its death when it has ended. */
  readonly ended: Promise<string>
  /** Counts effects from here on, for this plan. */
  arm(plan: Plan): void
  /** Its store falls ill, or is well again. */
  sicken(store: Sickness | null): void
  /** kill -9, by its id. */
  kill(): Promise<string>
  /** Asks it to end. */
  stop(): Promise<void>
}

/**
 * The lives of a server that is killed again and again. The next process loads its modules while the one before it
 * still works: a new life then begins at once.
 */
export class Lives {
  readonly #options: LivesOptions
  readonly #children = new Set<ChildProcess>()
  #spare: Promise<Victim> | undefined
  #port = 0
  #isOver = false

  constructor(options: LivesOptions) {
    this.#options = options
  }

  /** The process before must have ended. */
  async begin(plan: Plan): Promise<Life> {
    const victim = await (this.#spare ?? this.#warm())
    const life = victim.start(plan, this.#port)
    void life.listening.then((found) => {
      if (found) this.#port = Number(new URL(found.url).port)
    })
    this.#spare = this.#isOver || this.#options.isOnly ? undefined : this.#warm()
    this.#spare?.catch(() => {}) // whoever begins with it hears of it
    return life
  }

  /** Ends whatever still runs. */
  async end(): Promise<void> {
    this.#isOver = true
    await this.#spare?.catch(() => {})
    await Promise.all(
      [...this.#children].map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return
        const exited = once(child, 'exit')
        child.kill('SIGKILL')
        await exited
      }),
    )
  }

  async #warm(): Promise<Victim> {
    const { env, file, complain } = this.#options
    const child = spawn(process.execPath, [file], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    this.#children.add(child)
    child.once('exit', () => this.#children.delete(child))
    const victim = new Victim(child, complain)
    await victim.isWarm
    return victim
  }
}

class Victim {
  readonly isWarm: Promise<void>
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  #listen: (found: Said | undefined) => void = () => {}
  #died = AT_A_MOMENT
  #isWanted = true

  constructor(child: ChildProcess, complain: (line: string) => void) {
    this.#child = child
    if (!child.stdout || !child.stderr) throw new Error('The process has no pipes.')
    const warm = Promise.withResolvers<void>()
    this.isWarm = warm.promise
    // It may die while it is written to.
    child.stdin?.on('error', () => {})
    let errors = ''
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk
    })
    createInterface(child.stdout).on('line', (line) => {
      let said: Said = {}
      try {
        said = JSON.parse(line)
      } catch {
        complain(line)
      }
      if (said.isWarm) warm.resolve()
      if (said.died !== undefined) this.#died = said.died
      if (said.url !== undefined) this.#listen(said)
      if (said.error) complain(JSON.stringify(said.error))
    })
    this.#exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        warm.reject(new Error(`The process ended before it was ready: ${errors}`))
        if (signal !== 'SIGKILL' && this.#isWanted) complain(`ended by itself (${code ?? signal}): ${errors}`)
        this.#listen(undefined)
        resolve()
      })
    })
  }

  start(plan: Plan, port: number): Life {
    const listening = new Promise<{ url: string; setupToken: string | undefined } | undefined>((resolve) => {
      this.#listen = (found) =>
        resolve(found?.url === undefined ? undefined : { url: found.url, setupToken: found.setupToken })
    })
    const child = this.#child
    child.stdin?.write(`${JSON.stringify({ ...plan, port })}\n`)
    const ended = this.#exited.then(() => this.#died)
    return {
      pid: child.pid,
      listening,
      ended,
      arm: (next) => void child.stdin?.write(`${JSON.stringify(next)}\n`),
      sicken: (store) => void child.stdin?.write(`${JSON.stringify({ store })}\n`),
      kill: () => {
        child.kill('SIGKILL')
        return ended
      },
      stop: async () => {
        this.#isWanted = false
        child.kill('SIGTERM')
        await ended
      },
    }
  }
}
