import type { Dial } from './backoff.ts'
import { isWamuxError, WamuxError } from './errors.ts'
import { countsOf, type Life } from './lifecycle.ts'
import type { Logger } from './options.ts'
import * as sessions from './stores/sql/sessions.ts'
import type { Store } from './stores/store.ts'

/** Keeps on disk how often one session was dialled for in a row, for the process after this one. */
export class Dials {
  readonly #session: string
  readonly #store: Store
  readonly #logger: Logger

  constructor(session: string, store: Store, logger: Logger) {
    this.#session = session
    this.#store = store
    this.#logger = logger
  }

  last(): Promise<Dial> {
    return this.#store.read(() => sessions.lastDial(this.#session))
  }

  /** Before it dials: a process that ends without a word has counted too. @throws STORE_FAILED */
  async begun(life: Life): Promise<void> {
    try {
      await this.#write(countsOf(life, Date.now()).attempt + 1)
    } catch (error) {
      if (isWamuxError(error)) throw error
      const message = 'It could not be noted that a connection is begun.'
      throw new WamuxError('STORE_FAILED', message, undefined, { cause: error })
    }
  }

  /** What we end ourselves has not failed. `life` is what was ended. */
  async ended(life: Life): Promise<void> {
    if (life.name !== 'connecting' && life.name !== 'linking' && life.name !== 'ready') return
    await this.#write(countsOf(life, Date.now()).attempt).catch((error: unknown) => {
      // The next start waits a little longer than it has to.
      this.#logger.warn({ error, session: this.#session }, 'noting that a connection was ended')
    })
  }

  #write(attempt: number): Promise<void> {
    return this.#store.write(() => sessions.setDial(this.#session, { attempt, at: Date.now() }))
  }
}
