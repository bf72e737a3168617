import { ALL_WA_PATCH_NAMES, type SignalKeyStore, type WASocket } from '@whiskeysockets/baileys'
import type { Questions } from './questions.ts'

export interface MissingStateOptions {
  keys: SignalKeyStore
  sock: Pick<WASocket, 'resyncAppState' | 'authState'>
  questions: Questions
  failed(error: unknown): void
}

/**
 * What the devices of an account share, such as the names of the address book. Baileys reads it once, after the first
 * part of the history, and counts that also when the keys to it had not come, or nothing had: whoever is disconnected
 * then, or killed, would not have it until the phone changes something. So what there is nothing of is asked for again.
 */
export class MissingState {
  readonly #options: MissingStateOptions
  #last: Promise<void> = Promise.resolve()

  constructor(options: MissingStateOptions) {
    this.#options = options
  }

  /** When all that WhatsApp has kept for us has come, keys among it; and when Baileys counts. */
  fetch(): void {
    const { sock, questions, failed } = this.#options
    // Before, it will be read by Baileys.
    if (!(sock.authState.creds.accountSyncCounter > 0)) return
    this.#last = this.#last.then(() => questions.ask(this.#fetch())).catch(failed)
  }

  async #fetch(): Promise<void> {
    const { keys, sock } = this.#options
    const stored = await keys.get('app-state-sync-version', [...ALL_WA_PATCH_NAMES])
    const missing = ALL_WA_PATCH_NAMES.filter((name) => !stored[name])
    if (missing.length > 0) await sock.resyncAppState(missing, true)
  }
}
