import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

/** The emulator as a process of its own, with a state file, that can be killed and started again on the same port. */
export class CliProcess {
  readonly folder = mkdtempSync(join(tmpdir(), 'wamux-emulator-'))
  readonly state = join(this.folder, 'network.db')
  readonly output: string[] = []
  url = ''
  controlUrl = ''
  wssUrl = ''
  #child: ChildProcess | undefined

  /** Starts it, on the port of last time if there was one; `args` are added to its command line. */
  async start(...args: string[]): Promise<this> {
    const port = this.controlUrl === '' ? '0' : new URL(this.controlUrl).port
    const child = spawn(process.execPath, [CLI, '--port', port, '--state', this.state, ...args], { stdio: 'pipe' })
    this.#child = child
    const reap = () => child.kill('SIGKILL') // a test that hangs must not leave it behind
    process.once('exit', reap)
    child.once('exit', () => process.off('exit', reap))
    child.stderr.on('data', (chunk: Buffer) => this.output.push(chunk.toString()))
    for await (const line of createInterface(child.stdout)) {
      this.output.push(line)
      this.url = /ws:\/\/\S+/.exec(line)?.[0] ?? this.url
      this.wssUrl = /wss:\/\/\S+/.exec(line)?.[0] ?? this.wssUrl
      this.controlUrl = /(http:\/\/[^/]+)\/admin/.exec(line)?.[1] ?? this.controlUrl
      if (line.startsWith('state:')) return this
    }
    throw new Error(`the emulator did not start: ${this.output.join('\n')}`)
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  async end(): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }

  async post(path: string, body: object | string): Promise<{ status: number; body: Record<string, unknown> }> {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const response = await fetch(`${this.controlUrl}${path}`, { method: 'POST', body: text })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.controlUrl}${path}`)
    return (await response.json()) as T // the caller knows the route
  }
}
