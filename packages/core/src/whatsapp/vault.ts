import {
  type AuthenticationCreds,
  type BinaryNode,
  BufferJSON,
  proto,
  type SignalDataSet,
  type SignalDataTypeMap,
} from '@whiskeysockets/baileys'
import { lidChat } from '../chat-id.ts'
import { unreadable, WamuxError } from '../errors.ts'
import type { Account } from '../shared.ts'
import * as keys from '../stores/sql/keys.ts'
import * as sessions from '../stores/sql/sessions.ts'
import { isDamage, isFaultOfWork, type Store, type Work } from '../stores/store.ts'
import { CREDENTIALS, writeCredentials } from './credentials.ts'
import { fromJid } from './jid.ts'
import * as unhandled from './unhandled.ts'

/** Kinds without bytes in them: looking for bytes costs five times what reading a session does. */
const PLAIN: ReadonlySet<string> = new Set(['session', 'lid-mapping', 'device-list', 'sender-key-memory'])

export interface VaultOptions {
  store: Store
  session: string
  creds: AuthenticationCreds
  account: Account | null
  /** Called once, synchronously, when the store fails. After it no commit succeeds and nothing may leave the socket. */
  onFailed(error: unknown): void
  /** Called when the linked account became known, or another name of it, and is on disk. */
  onAccount(account: Account): void
  /** Called after a commit that held more than keys. */
  onCommitted(): void
}

/**
 * One connection's way to its credentials and keys. It latches: at the first failed read or write every later call
 * fails, because Baileys turns errors of a store into "there is no session" and would then tell WhatsApp that it could
 * not decrypt what was only not stored.
 */
export class Vault {
  readonly session: string
  readonly creds: AuthenticationCreds
  readonly #store: Store
  readonly #onFailed: (error: unknown) => void
  readonly #onAccount: (account: Account) => void
  readonly #onCommitted: () => void
  #account: Account | null
  #closed: unknown
  #dirty = false
  #saving: Promise<void> | undefined

  constructor(options: VaultOptions) {
    this.session = options.session
    this.creds = options.creds
    this.#store = options.store
    this.#account = options.account
    this.#onFailed = options.onFailed
    this.#onAccount = options.onAccount
    this.#onCommitted = options.onCommitted
  }

  async get<T extends keyof SignalDataTypeMap>(
    type: T,
    ids: string[],
  ): Promise<{ [id: string]: SignalDataTypeMap[T] }> {
    const stored = await this.#guard(() =>
      this.#store
        .read(() => keys.get(this.session, type, ids))
        .catch((error: unknown) => {
          throw isDamage(error) ? unreadable(this.session, `${type}/${ids}`, 'cannot be read', error) : error
        }),
    )
    // Without what every object has: ids are strangers' words, and `constructor` must not look like a key that is there.
    const found: { [id: string]: SignalDataTypeMap[T] } = Object.create(null)
    for (const [id, text] of stored) {
      const value = this.#parse(type, id, text)
      // Baileys calls methods of this one; all other kinds are plain data.
      found[id] = type === 'app-state-sync-key' ? proto.Message.AppStateSyncKeyData.fromObject(value) : value
    }
    return found
  }

  #parse(type: keyof SignalDataTypeMap, id: string, text: string) {
    try {
      return PLAIN.has(type) ? JSON.parse(text) : JSON.parse(text, BufferJSON.reviver)
    } catch (cause) {
      const error = unreadable(this.session, `${type}/${id}`, 'is no JSON', cause)
      this.fail(error)
      throw error
    }
  }

  async idsFrom(type: keyof SignalDataTypeMap, prefix: string): Promise<string[]> {
    return this.read(() => keys.idsFrom(this.session, type, prefix))
  }

  async plaintext(hash: string): Promise<Uint8Array | undefined> {
    return this.read(() => keys.plaintext(this.session, hash))
  }

  async read<T>(work: () => Work<T>): Promise<T> {
    return this.#guard(() => this.#store.read(work))
  }

  /** Stanzas that Baileys has perhaps not handled. */
  async stanzas(): Promise<BinaryNode[]> {
    return this.#guard(async () => {
      const kept = await this.#store.read(() => unhandled.all(this.session))
      return Promise.all(kept.map((bytes) => unhandled.decode(bytes)))
    })
  }

  /** Writes keys, changed credentials and whatever else `works` do, all in one transaction. */
  async commit(data: SignalDataSet, works: readonly (() => Work<unknown>)[] = []): Promise<void> {
    this.#assertOpen()
    const changes: [string, string, string | null][] = []
    for (const [type, values] of Object.entries(data)) {
      for (const [id, value] of Object.entries(values ?? {})) {
        const text = PLAIN.has(type) ? JSON.stringify(value) : JSON.stringify(value, BufferJSON.replacer)
        changes.push([type, id, value == null ? null : text])
      }
    }
    // Credentials ride along with whatever is written next, so that ids of pre-keys and the keys never part.
    const creds = this.#dirty ? writeCredentials(this.creds) : undefined
    const account = creds === undefined ? undefined : this.#newAccount()
    this.#dirty = false
    const { session } = this
    await this.#guard(
      () =>
        this.#store.write(function* () {
          for (const [type, id, value] of changes) yield* keys.put(session, type, id, value)
          if (creds !== undefined) yield* keys.put(session, CREDENTIALS.type, CREDENTIALS.id, creds)
          if (account) yield* sessions.setAccount(session, account)
          for (const work of works) yield* work()
        }),
      works.length > 0,
    )
    if (account) this.#onAccount(account)
    if (works.length > 0) this.#onCommitted()
  }

  /** Notes that `creds` changed; they ride along with the next commit. */
  touchCreds(): void {
    this.#dirty = true
  }

  /** Notes that `creds` changed; they are written before another frame leaves. */
  credsChanged(): void {
    this.touchCreds()
    if (this.#saving || this.#closed !== undefined) return
    this.#saving = this.commit({})
      .catch((error: unknown) => this.fail(error)) // whatever it was: no frame may leave on credentials that are not kept
      .finally(() => {
        this.#saving = undefined
        if (this.#dirty && this.isOpen) this.credsChanged()
      })
  }

  /** Settles when changed credentials are on disk; undefined when there is nothing to wait for. */
  get saving(): Promise<void> | undefined {
    return this.#saving
  }

  get isOpen(): boolean {
    return this.#closed === undefined
  }

  /** Why nothing is written any more; undefined while it is. */
  get closedBecause(): unknown {
    return this.#closed
  }

  /** The connection ended: what of it still runs must not write over its successor. */
  close(): void {
    this.#closed ??= new WamuxError('STOPPING', 'The connection that this belongs to has ended.')
  }

  /** The linked account, as the credentials know it. */
  get account(): Account | null {
    const { me, account } = this.creds
    // A pairing code writes `me` before anybody typed it; only the account's signature makes it true.
    const phone = me && account && fromJid(me.id)?.phone
    if (!phone) return null
    const lid = fromJid(me.lid)?.lid
    return { phone, lid: lid === undefined ? null : lidChat(lid), name: me.name ?? '' }
  }

  #newAccount(): Account | undefined {
    const next = this.account
    if (!next) return undefined
    const now = this.#account
    if (now && now.phone === next.phone && now.lid === next.lid && now.name === next.name) return undefined
    this.#account = next
    return next
  }

  /** With `mayBeAtFault` a bug in what is written beside the keys is told to the caller only: the store has not failed. */
  async #guard<T>(work: () => Promise<T>, mayBeAtFault = false): Promise<T> {
    this.#assertOpen()
    try {
      return await work()
    } catch (error) {
      if (!mayBeAtFault || !isFaultOfWork(error)) this.fail(error)
      throw error
    }
  }

  /** The store failed: nothing is written from here on, and nothing may leave. */
  fail(error: unknown): void {
    if (this.#closed !== undefined) return
    this.#closed = error
    this.#onFailed(error)
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw this.#closed
  }
}
