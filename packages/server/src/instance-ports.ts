import { isWamuxError, WamuxError } from '@wamux/core'
import { ports } from '@wamux/core/stores'
import type { Fetch } from './app.ts'
import { type Listener, listen } from './listener.ts'
import type { Services } from './services.ts'

/** The ports on which single instances serve their contact routes, as the store says. */
export interface InstancePortsOptions {
  host: string
  /** The handler of an instance's own port. */
  app: (session: string) => Fetch
}

export interface OpenedPort {
  /** The port belongs to the instance from now on. */
  keep(): void
  close(): Promise<void>
}

export class InstancePorts {
  readonly #store: Services['store']
  readonly #logger: Services['logger']
  readonly #options: InstancePortsOptions
  readonly #listeners = new Map<string, Listener>()
  #stopped = false

  constructor({ store, logger }: Pick<Services, 'store' | 'logger'>, options: InstancePortsOptions) {
    this.#store = store
    this.#logger = logger
    this.#options = options
  }

  /** Opens what is in the store. A port that somebody else has by now is reported, and the server starts without it. */
  async start(): Promise<void> {
    for (const { session, port } of await this.#store.read(() => ports.all())) {
      try {
        this.#listeners.set(session, await this.#listen(session, port))
      } catch (error) {
        this.#logger.error({ err: error, instance: session, port }, 'the port of an instance could not be opened')
      }
    }
  }

  /**
   * Opens a port before anything is written, so that a port that cannot be had leaves nothing behind.
   * @throws PORT_IN_USE
   */
  async open(session: string, port: number): Promise<OpenedPort> {
    const taken = await this.#store.read(() => ports.all())
    if (taken.some((row) => row.port === port && row.session !== session)) {
      throw new WamuxError('PORT_IN_USE', `Port ${port} belongs to another instance.`, { port })
    }
    const listener = await this.#listen(session, port)
    return {
      keep: () => {
        this.#listeners.set(session, listener)
      },
      close: () => listener.close(0),
    }
  }

  /** @throws PORT_IN_USE, and then the old port stays */
  async change(session: string, port: number): Promise<void> {
    const old = this.#listeners.get(session)
    if (old?.port === port) return
    const opened = await this.open(session, port)
    try {
      await this.#store.write(() => ports.set(session, port))
    } catch (error) {
      await opened.close()
      throw error
    }
    opened.keep()
    await old?.close()
  }

  async remove(session: string): Promise<void> {
    await this.#store.write(() => ports.remove(session))
    await this.close(session)
  }

  async close(session: string): Promise<void> {
    const listener = this.#listeners.get(session)
    this.#listeners.delete(session)
    await listener?.close()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([...this.#listeners.keys()].map((session) => this.close(session)))
  }

  async #listen(session: string, port: number): Promise<Listener> {
    if (this.#stopped) throw new WamuxError('STOPPING', 'The server is stopping.')
    try {
      return await listen(this.#options.app(session), { port, host: this.#options.host })
    } catch (error) {
      if (isWamuxError(error)) throw error
      throw new Error(`Port ${port} on ${this.#options.host} could not be opened.`, { cause: error })
    }
  }
}
