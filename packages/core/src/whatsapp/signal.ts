import { createHash } from 'node:crypto'
import {
  addTransactionCapability,
  DEFAULT_CONNECTION_CONFIG,
  MISSING_KEYS_ERROR_TEXT,
  type proto,
  type SignalDataSet,
  type SignalKeyStore,
  type SocketConfig,
} from '@whiskeysockets/baileys'
import * as contacts from '../stores/sql/contacts.ts'
import * as keys from '../stores/sql/keys.ts'
import { isFaultOfWork, type Work } from '../stores/store.ts'
import { fromJid } from './jid.ts'
import { lidOfPhone, mergeSessions } from './lid-migration.ts'
import { decodePlaintext } from './read-message.ts'
import { beginEncrypting } from './sending.ts'
import { silentBaileysLogger } from './silent-logger.ts'
import type { Vault } from './vault.ts'

type MakeRepository = SocketConfig['makeSignalRepository']
type Repository = ReturnType<MakeRepository>

/** One encrypted part of a stanza, known by the very bytes that Baileys hands to the repository. */
export interface EncryptedPart {
  /** Of the device that wrote it. */
  author: string
  isFromMe: boolean
  /** It may have been decrypted before: WhatsApp says that it kept this one while we were away. */
  mayBeKnown: boolean
  /** What the store keeps of the decrypted message, in the transaction that moves the ratchet. */
  record(message: proto.Message): (() => Work<unknown>) | undefined
  /** What it keeps when `record` itself is at fault: the message as it came, so that it is not lost. */
  recordAsItCame(): () => Work<unknown>
  /** What it keeps when nothing could be decrypted, before a resend is asked for. */
  recordUndecryptable(): () => Work<unknown>
  /** Called after that is on disk, and before Baileys asks for a resend. */
  willAskAgain(): Promise<void>
}

/** No transaction key may be called like a type of key: Baileys uses one map of locks for both. */
const LOCK = 'wamux:signal'
/** The type under which works travel through Baileys' transaction to the commit. */
const WORKS = 'wamux-works'

/**
 * The Signal side of one connection: Baileys' own repository in a transaction domain of its own, so that a ratchet is
 * on disk before a frame that it encrypted leaves, and together with what it decrypted. One lock for the account:
 * encrypting knows a person by phone, decrypting by hidden id, and both rewrite one row.
 */
export class Signal {
  readonly #vault: Vault
  readonly #keys: ReturnType<typeof addTransactionCapability>
  readonly #parts = new WeakMap<Uint8Array, EncryptedPart>()
  #batch: { run(): Promise<() => void>; fail(error: unknown): void }[] = []
  #works = 0

  constructor(vault: Vault) {
    this.#vault = vault
    const store: SignalKeyStore = {
      get: (type, ids) => vault.get(type, ids),
      set: (data) => vault.commit(...splitWorks(data)),
    }
    this.#keys = addTransactionCapability(store, silentBaileysLogger, { maxCommitRetries: 1, delayBetweenTriesMs: 0 })
  }

  /** Says what to keep of `ciphertext` once Baileys asks to decrypt it. */
  expect(ciphertext: Uint8Array, part: EncryptedPart): void {
    this.#parts.set(ciphertext, part)
  }

  /** Runs with the account's ratchets locked, and commits what was written at its end. */
  transaction<T>(work: () => Promise<T>): Promise<T> {
    return this.#keys.transaction(work, LOCK)
  }

  /** Writes of the socket's own domain that touch sessions must take the same lock. */
  writeSessions(data: SignalDataSet): Promise<void> {
    return this.transaction(async () => {
      await this.#keys.set(data)
    })
  }

  readonly makeRepository: MakeRepository = (auth, logger) => {
    const repository = DEFAULT_CONNECTION_CONFIG.makeSignalRepository(
      { creds: auth.creds, keys: this.#keys },
      logger,
      // It is looked up under the lock of all ratchets: a question to WhatsApp there would stop the account until it is
      // answered. Who sends or looks somebody up asks before.
      async () => [],
    )
    const decryptMessage = repository.decryptMessage.bind(repository)
    const decryptGroupMessage = repository.decryptGroupMessage.bind(repository)
    const takeSenderKey = repository.processSenderKeyDistributionMessage.bind(repository)
    const encryptMessage = repository.encryptMessage.bind(repository)
    const encryptGroupMessage = repository.encryptGroupMessage.bind(repository)
    const injectE2ESession = repository.injectE2ESession.bind(repository)
    const getSenderKey = repository.getSenderKeyDistributionMessage.bind(repository)
    const deleteSession = repository.deleteSession.bind(repository)

    repository.decryptMessage = (options) =>
      this.#decrypt(options.ciphertext, () => decryptMessage(options), takeSenderKey)
    repository.decryptGroupMessage = (options) =>
      this.#decrypt(options.msg, () => decryptGroupMessage(options), takeSenderKey)
    // Done in the transaction that decrypts: done again it would push other senders' keys out of the record.
    repository.processSenderKeyDistributionMessage = async () => {}
    repository.encryptMessage = async (options) => {
      beginEncrypting()
      return this.#together(() => encryptMessage(options))
    }
    repository.encryptGroupMessage = async (options) => {
      beginEncrypting()
      return this.#together(() => encryptGroupMessage(options))
    }
    repository.injectE2ESession = (options) => this.#together(() => injectE2ESession(options))
    repository.getSenderKeyDistributionMessage = (options) => this.#together(() => getSenderKey(options))
    repository.deleteSession = (jids) => this.transaction(() => deleteSession(jids))
    this.#migrateWithMapping(repository)
    return repository
  }

  async #decrypt(
    ciphertext: Uint8Array,
    decrypt: () => Promise<Uint8Array>,
    takeSenderKey: Repository['processSenderKeyDistributionMessage'],
  ): Promise<Uint8Array> {
    const part = this.#parts.get(ciphertext)
    if (!part) return this.transaction(decrypt)
    const hash = hashOf(part.author, ciphertext)
    if (part.mayBeKnown) {
      const known = await this.#vault.plaintext(hash)
      if (known) return Buffer.from(known)
    }
    const once = (record: (message: proto.Message) => (() => Work<unknown>) | undefined) =>
      this.transaction(async () => {
        const plaintext = await decrypt()
        const message = decodePlaintext(plaintext)
        const content = message.deviceSentMessage?.message ?? message
        if (content.senderKeyDistributionMessage?.groupId) {
          await takeSenderKey({ authorJid: part.author, item: content.senderKeyDistributionMessage })
        }
        if (part.isFromMe) await this.#takeAppStateKeys(content)
        await this.#attach(() => keys.putPlaintext(this.#vault.session, hash, plaintext, Date.now()))
        const work = record(message)
        if (work) await this.#attach(work)
        return plaintext
      })
    try {
      // Nothing of the first try was kept, so the second begins with the same ratchet.
      return await once(part.record).catch((error: unknown) => {
        if (!this.#vault.isOpen || !isFaultOfWork(error)) throw error
        return once(part.recordAsItCame)
      })
    } catch (error) {
      if (!this.#vault.isOpen) throw error // the socket is gone: what Baileys makes of this cannot leave
      const known = await this.#vault.plaintext(hash)
      if (known) return Buffer.from(known)
      await this.#vault.commit({}, [part.recordUndecryptable()])
      await part.willAskAgain()
      throw toBeAskedFor(error)
    }
  }

  /** WhatsApp hands these out once. Baileys would store them after the receipt. */
  async #takeAppStateKeys(content: proto.IMessage): Promise<void> {
    const share = content.protocolMessage?.appStateSyncKeyShare
    for (const { keyId, keyData } of share?.keys ?? []) {
      if (!keyId?.keyId || !keyData) continue
      const id = Buffer.from(keyId.keyId).toString('base64')
      await this.#keys.set({ 'app-state-sync-key': { [id]: keyData } })
    }
  }

  /** Puts `work` into the transaction that is open. */
  async #attach(work: () => Work<unknown>): Promise<void> {
    // Not one of Baileys' types: it only carries the work to splitWorks.
    await this.#keys.set({ [WORKS]: { [String(this.#works++)]: work } } as unknown as SignalDataSet)
  }

  /** What is asked for in one turn is done in one transaction: a message to ten devices is one commit. */
  #together<T>(operation: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = async () => {
        try {
          const value = await operation()
          return () => resolve(value)
        } catch (error) {
          return () => reject(error)
        }
      }
      this.#batch.push({ run, fail: reject })
      if (this.#batch.length === 1) setImmediate(() => this.#runBatch())
    })
  }

  #runBatch(): void {
    const batch = this.#batch
    this.#batch = []
    const settle: (() => void)[] = []
    this.transaction(async () => {
      for (const { run } of batch) settle.push(await run())
    }).then(
      () => {
        for (const one of settle) one()
      },
      (error: unknown) => {
        for (const { fail } of batch) fail(error)
      },
    )
  }

  /**
   * When it becomes known that a phone and a hidden id are one person, the sessions move in the commit that stores the
   * mapping. Baileys moves them in a second one, and never again when that one is missed.
   */
  #migrateWithMapping(repository: Repository): void {
    const { lidMapping } = repository
    const { session } = this.#vault
    const store = lidMapping.storeLIDPNMappings.bind(lidMapping)
    const take = (pairs: Parameters<typeof store>[0], learn: boolean) =>
      this.transaction(async () => {
        await store(pairs)
        for (const pair of pairs) {
          const known = lidOfPhone(pair.lid, pair.pn)
          if (!known) continue
          await this.#moveSessions(known.phone, known.lid)
          if (!learn) continue
          await this.#attach(function* () {
            yield* contacts.learn(session, known)
          })
        }
      })
    lidMapping.storeLIDPNMappings = (pairs) =>
      take(pairs, true).catch((error: unknown) => {
        if (!this.#vault.isOpen || !isFaultOfWork(error)) throw error
        // A fault in our own list of people must not cost the message that brought the mapping.
        return take(pairs, false)
      })
    // Done above.
    repository.migrateSession = async () => ({ migrated: 0, skipped: 0, total: 0 })
  }

  async #moveSessions(phone: string, lid: string): Promise<void> {
    const from = await this.#vault.idsFrom('session', `${phone}.`)
    if (from.length === 0) return
    const to = from.map((id) => `${lid}_1.${id.slice(phone.length + 1)}`)
    const records = await this.#keys.get('session', [...from, ...to])
    const session: Record<string, Uint8Array | null> = {}
    from.forEach((id, index) => {
      const target = to[index]
      const moved = records[id]
      if (!moved || target === undefined) return
      session[target] = mergeSessions(records[target], moved)
      session[id] = null
    })
    await this.#keys.set({ session })
  }
}

function splitWorks(data: SignalDataSet): [SignalDataSet, (() => Work<unknown>)[]] {
  const { [WORKS]: works, ...rest } = data as SignalDataSet & { [WORKS]?: Record<string, () => Work<unknown>> }
  return [rest, Object.values(works ?? {})]
}

/**
 * By libsignal's words for a used key Baileys knows a repetition, and asks nobody for it. What is one was found among the
 * plaintexts by now: this is another message, of somebody whose keys went back, with a backup for one.
 */
function toBeAskedFor(error: unknown): unknown {
  if (!(error instanceof Error && error.message === MISSING_KEYS_ERROR_TEXT)) return error
  return new Error('The key of this message was used for another one.', { cause: error })
}

/** Under what the plaintext of a part is kept. */
export const hashOf = (author: string, ciphertext: Uint8Array): string =>
  createHash('sha256').update(author).update('\0').update(ciphertext).digest('base64')

/** Who wrote a part, for the hash of its ciphertext: two senders may by chance write the same bytes. */
export const authorOf = (jid: string): string => {
  const address = fromJid(jid)
  return address ? `${address.phone ?? address.lid ?? address.chatId}:${address.device}` : jid
}
