import type { SignalDataSet, SignalDataTypeMap, SignalKeyStore } from '@whiskeysockets/baileys'
import type { Work } from '../stores/store.ts'
import { sending } from './sending.ts'
import type { Signal } from './signal.ts'
import type { StateVersions } from './state-versions.ts'
import type { Vault } from './vault.ts'

/**
 * The keys of the socket's own domain, as Baileys' upper layers read and write them: whatever touches sessions takes the
 * ratchets' lock, and three kinds of write are made true to what WhatsApp or our own store knows.
 */
export class SocketKeys {
  readonly #vault: Vault
  readonly #signal: Signal
  readonly #versions: StateVersions
  /** Who has our sender key, as far as frames that were not yet acknowledged say. */
  readonly #senderKeys = new Map<string, { [jid: string]: boolean }>()
  readonly #senderKeysOf = new Map<string, SignalDataSet>()

  constructor(vault: Vault, signal: Signal, versions: StateVersions) {
    this.#vault = vault
    this.#signal = signal
    this.#versions = versions
  }

  /** Commits `work` together with what only became true by the ack of message `id`: who has our sender key. */
  async settle(id: string, work: () => Work<void>): Promise<void> {
    const keys = this.#senderKeysOf.get(id) ?? {}
    this.#senderKeysOf.delete(id)
    await this.#vault.commit(keys, [work])
  }

  /** Message `id` did not arrive: nobody has our sender key from it, and the next one to its group carries it again. */
  forget(id: string): void {
    const groups = Object.keys(this.#senderKeysOf.get(id)?.['sender-key-memory'] ?? {})
    this.#senderKeysOf.delete(id)
    for (const group of groups) {
      this.#senderKeys.delete(group)
      for (const pending of this.#senderKeysOf.values()) {
        const who = pending['sender-key-memory']?.[group]
        if (who) this.#senderKeys.set(group, who)
      }
    }
  }

  /** For Baileys' `auth.keys`. */
  get store(): SignalKeyStore {
    return {
      get: async (type, ids) => {
        const found = await this.#vault.get(type, ids)
        if (type === 'sender-key-memory') {
          for (const id of ids) {
            const pending = this.#senderKeys.get(id)
            // The type's value is this map; TypeScript does not narrow T by the comparison above.
            if (pending) found[id] = { ...(found[id] as object), ...pending } as SignalDataTypeMap[typeof type]
          }
        }
        // As above.
        if (type === 'app-state-sync-version') this.#versions.over(found as Parameters<StateVersions['over']>[0], ids)
        return found
      },
      set: async (data) => {
        const { session, 'sender-key-memory': senderKeys, 'app-state-sync-version': versions, ...rest } = data
        if (session) await this.#signal.writeSessions({ session })
        const known = senderKeys && this.#keepSenderKeys(senderKeys)
        if (known) await this.#vault.commit({ ...rest, 'sender-key-memory': known })
        else if (Object.keys(rest).length > 0) await this.#vault.commit(rest)
        if (versions) this.#versions.hold(versions)
      },
    }
  }

  /**
   * "They have our sender key" is only true once the message that carried it was acknowledged: until then it is kept in
   * memory, so that a resend after a lost connection carries the key again. Returns what is to be written at once.
   */
  #keepSenderKeys(memory: NonNullable<SignalDataSet['sender-key-memory']>): SignalDataSet['sender-key-memory'] {
    const message = sending.getStore()
    const now: NonNullable<SignalDataSet['sender-key-memory']> = {}
    for (const [group, who] of Object.entries(memory)) {
      if (who === null || !message) {
        now[group] = who
        this.#senderKeys.delete(group)
        // Else the ack of an earlier message would write over this what is no longer true.
        for (const pending of this.#senderKeysOf.values()) delete pending['sender-key-memory']?.[group]
        continue
      }
      this.#senderKeys.set(group, who)
      const waiting = this.#senderKeysOf.get(message.id)?.['sender-key-memory'] ?? {}
      this.#senderKeysOf.set(message.id, { 'sender-key-memory': { ...waiting, [group]: who } })
    }
    return Object.keys(now).length > 0 ? now : undefined
  }

  /**
   * New pre-keys are on disk, with the ids that follow them, before anybody is told of them: in an upload, or in a
   * retry receipt that Baileys sends from inside its own transaction.
   */
  preKeysFirst(keys: SignalKeyStore): void {
    const set = keys.set.bind(keys)
    keys.set = async (data) => {
      const { 'pre-key': preKeys = {}, ...rest } = data
      const made = Object.fromEntries(Object.entries(preKeys).filter(([, key]) => key !== null))
      const used = Object.fromEntries(Object.entries(preKeys).filter(([, key]) => key === null))
      const ids = Object.keys(made).map(Number)
      if (ids.length > 0) {
        const { creds } = this.#vault
        const next = Math.max(...ids) + 1
        creds.nextPreKeyId = Math.max(creds.nextPreKeyId, next)
        creds.firstUnuploadedPreKeyId = Math.max(creds.firstUnuploadedPreKeyId, next)
        this.#vault.touchCreds()
        await this.#vault.commit({ 'pre-key': made })
      }
      await set(Object.keys(used).length > 0 ? { ...rest, 'pre-key': used } : rest)
    }
  }
}
