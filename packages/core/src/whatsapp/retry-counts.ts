import type { CacheStore, MessageRetryManager } from '@whiskeysockets/baileys'
import * as stanzas from '../stores/sql/stanzas.ts'
import type { Vault } from './vault.ts'

const keyOf = (key: string): string => `retries ${key}`

/**
 * How often a message was asked for, and how often one of ours was sent again, in the store: a new process does not
 * begin to count anew, and a message that nobody can read ends after five tries whatever happens in between.
 */
export class RetryCounts implements CacheStore {
  readonly #vault: Vault

  constructor(vault: Vault) {
    this.#vault = vault
  }

  async get<T>(key: string): Promise<T> {
    // Baileys keeps numbers under all of these keys, and takes undefined for none, which its type forgets.
    return (await this.#count(key)) as T
  }

  async set<T>(key: string, count: T): Promise<void> {
    const { session } = this.#vault
    await this.#vault.commit({}, [() => stanzas.put(session, keyOf(key), Buffer.from(String(count)), Date.now())])
  }

  /** A count outlives what it was for: what comes again later is the same message. */
  async del(): Promise<void> {}
  async flushAll(): Promise<void> {}

  /** Tells the manager, which counts in memory and by the id alone, how often this message was asked for. */
  async remind(manager: MessageRetryManager | null, id: string, participant: string | undefined): Promise<void> {
    const count = (await this.#count(`${id}:${participant}`)) ?? 0
    while (manager && manager.getRetryCount(id) < count) manager.incrementRetryCount(id)
  }

  async #count(key: string): Promise<number | undefined> {
    const kept = await this.#vault.read(() => stanzas.get(this.#vault.session, keyOf(key)))
    return kept && Number(Buffer.from(kept).toString())
  }
}
