import type { SignalDataSet, SignalDataTypeMap } from '@whiskeysockets/baileys'
import type { Vault } from './vault.ts'

type Versions = NonNullable<SignalDataSet['app-state-sync-version']>

/**
 * Up to where the facts that an account's devices share were read. Baileys writes that down before it tells what it
 * has read, and never asks for it again: here it is held back until that is on disk.
 */
export class StateVersions {
  #held: Versions = {}
  readonly #onHeld: () => void

  /** `onHeld` is called when there is something to write, and Baileys has told what goes with it. */
  constructor(onHeld: () => void) {
    this.#onHeld = onHeld
  }

  hold(versions: Versions): void {
    Object.assign(this.#held, versions)
    // Baileys tells in the same turn, once it knows that this is kept.
    setImmediate(this.#onHeld)
  }

  /** Lays what is held over what is stored. */
  over(stored: { [name: string]: SignalDataTypeMap['app-state-sync-version'] }, names: readonly string[]): void {
    for (const name of names) {
      const held = this.#held[name]
      if (held) stored[name] = held
      else if (held === null) delete stored[name]
    }
  }

  async write(vault: Vault): Promise<void> {
    const now = { ...this.#held }
    if (Object.keys(now).length === 0) return
    await vault.commit({ 'app-state-sync-version': now })
    for (const [name, version] of Object.entries(now)) {
      if (this.#held[name] === version) delete this.#held[name]
    }
  }
}
