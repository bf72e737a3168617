import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A program of the repository, run from its source as a process of its own, that can be killed at any instant. */
export class Program {
  readonly output: string[] = []
  readonly #file: string
  readonly #args: readonly string[]
  readonly #env: NodeJS.ProcessEnv
  #child: ChildProcess | undefined

  constructor(file: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
    this.#file = file
    this.#args = args
    this.#env = env
  }

  /** Starts it and resolves with what `ready` finds in a line of its output. */
  async start(ready: RegExp): Promise<RegExpExecArray> {
    const args = ['--conditions=@wamux/source', this.#file, ...this.#args]
    const child = spawn(process.execPath, args, { cwd: root, stdio: 'pipe', env: { ...process.env, ...this.#env } })
    this.#child = child
    child.stderr.on('data', (chunk: Buffer) => this.output.push(chunk.toString()))
    const found = new Promise<RegExpExecArray>((resolve, reject) => {
      createInterface(child.stdout).on('line', (line) => {
        this.output.push(line)
        const match = ready.exec(line)
        if (match) resolve(match)
      })
      child.once('exit', (code, signal) =>
        reject(new Error(`${this.#file} ended (${code ?? signal}): ${this.output.join('\n')}`)),
      )
    })
    return found
  }

  /** kill -9, by its id. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Asks it to stop; resolves with its exit code. */
  async stop(): Promise<number | null> {
    await this.#end('SIGTERM')
    return this.#child?.exitCode ?? null
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }
}
