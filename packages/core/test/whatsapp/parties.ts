import { EventEmitter } from 'node:events'
import {
  type AuthenticationCreds,
  addTransactionCapability,
  type BinaryNode,
  BufferJSON,
  Curve,
  DEFAULT_CONNECTION_CONFIG,
  generateSignalPubKey,
  initAuthCreds,
  proto,
  type SignalDataSet,
  type SocketConfig,
} from '@whiskeysockets/baileys'
import { Inbox } from '../../src/inbox.ts'
import { openMemoryStore } from '../../src/stores/sqlite/store.ts'
import type { Store, Work } from '../../src/stores/store.ts'
import { Arrivals } from '../../src/whatsapp/arrivals.ts'
import { RetryCounts } from '../../src/whatsapp/retry-counts.ts'
import { Signal } from '../../src/whatsapp/signal.ts'
import { silentBaileysLogger } from '../../src/whatsapp/silent-logger.ts'
import { Vault } from '../../src/whatsapp/vault.ts'

type Repository = ReturnType<SocketConfig['makeSignalRepository']>
type Bundle = Parameters<Repository['injectE2ESession']>[0]['session']

/** What a stranger needs to write to a device, with the pre-key of this number. */
export function bundleOf(creds: AuthenticationCreds, preKey: { id: number; public: Uint8Array }): Bundle {
  return {
    registrationId: creds.registrationId,
    identityKey: generateSignalPubKey(creds.signedIdentityKey.public),
    signedPreKey: {
      keyId: creds.signedPreKey.keyId,
      publicKey: generateSignalPubKey(creds.signedPreKey.keyPair.public),
      signature: creds.signedPreKey.signature,
    },
    preKey: { keyId: preKey.id, publicKey: generateSignalPubKey(preKey.public) },
  }
}

/** Somebody with plain Baileys. */
export async function stockParty() {
  const creds = initAuthCreds()
  const kept = new Map<string, string>()
  const preKeys = [1, 2, 3].map((id) => ({ id, pair: Curve.generateKeyPair() }))
  const keys = addTransactionCapability(
    {
      get: async (type, ids) =>
        Object.fromEntries(
          ids.flatMap((id) => {
            const text = kept.get(`${type}/${id}`)
            return text === undefined ? [] : [[id, JSON.parse(text, BufferJSON.reviver)]]
          }),
        ),
      set: async (data: SignalDataSet) => {
        for (const [type, values] of Object.entries(data)) {
          for (const [id, value] of Object.entries(values ?? {})) {
            if (value == null) kept.delete(`${type}/${id}`)
            else kept.set(`${type}/${id}`, JSON.stringify(value, BufferJSON.replacer))
          }
        }
      },
    },
    silentBaileysLogger,
    { maxCommitRetries: 1, delayBetweenTriesMs: 0 },
  )
  await keys.set({ 'pre-key': Object.fromEntries(preKeys.map(({ id, pair }) => [String(id), pair])) })
  const repository = DEFAULT_CONNECTION_CONFIG.makeSignalRepository(
    { creds, keys },
    silentBaileysLogger,
    async () => [],
  )
  /** What is called brings back what was kept now: a backup that was restored. */
  const backup = () => {
    const copy = new Map(kept)
    return () => {
      kept.clear()
      for (const [key, text] of copy) kept.set(key, text)
    }
  }
  return {
    creds,
    repository,
    backup,
    bundles: preKeys.map(({ id, pair }) => bundleOf(creds, { id, public: pair.public })),
  }
}

export const newCreds = (): AuthenticationCreds => ({
  ...initAuthCreds(),
  me: { id: '4911111111:5@s.whatsapp.net', lid: '99999:5@lid' },
})

/** Core's side of a connection, on a store. A second one on the same store and credentials is the next connection. */
export function coreParty(store: Store, creds: AuthenticationCreds) {
  const failures: unknown[] = []
  let committed = 0
  const vault = new Vault({
    store,
    session: 's',
    creds,
    account: null,
    onFailed: (error) => failures.push(error),
    onAccount() {},
    onCommitted: () => {
      committed++
    },
  })
  const signal = new Signal(vault)
  // The keys of the socket's own domain, which the repository does not use.
  const unused = addTransactionCapability({ get: async () => ({}), set: async () => {} }, silentBaileysLogger, {
    maxCommitRetries: 1,
    delayBetweenTriesMs: 0,
  })
  const repository = signal.makeRepository({ creds, keys: unused }, silentBaileysLogger, async () => [])
  return { vault, signal, repository, failures, commits: () => committed }
}

/** What comes in over a connection of a core party, and what Baileys would answer by itself. */
export function arrivalsOf(
  { vault, signal }: ReturnType<typeof coreParty>,
  { ev = new EventEmitter(), ack, receipt = () => {} }: ArrivalsAnswers,
): Arrivals {
  return new Arrivals({
    inbox: new Inbox('s', () => null),
    vault,
    signal,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    retries: new RetryCounts(vault),
    sock: {
      messageRetryManager: null,
      ev: ev as never, // only `on` is used
      sendMessageAck: async (node: BinaryNode) => ack(node),
      sendReceipt: async (...of: unknown[]) => receipt(of),
    },
    written: async () => {},
  })
}

export interface ArrivalsAnswers {
  ev?: EventEmitter
  ack(node: BinaryNode): void
  receipt?(of: unknown[]): void
}

/** Makes `count` pre-keys of a core party, as an upload does. */
export async function preKeysOf(
  { vault }: { vault: Vault },
  count: number,
): Promise<{ id: number; public: Uint8Array }[]> {
  const made = Array.from({ length: count }, (_, index) => ({ id: index + 1, pair: Curve.generateKeyPair() }))
  await vault.commit({ 'pre-key': Object.fromEntries(made.map(({ id, pair }) => [String(id), pair])) })
  return made.map(({ id, pair }) => ({ id, public: pair.public }))
}

/** A text as WhatsApp encrypts it, padded. */
export function padded(text: string): Buffer {
  return Buffer.concat([proto.Message.encode({ conversation: text }).finish(), Buffer.from([2, 2])])
}
export const textOf = (plaintext: Uint8Array): string =>
  proto.Message.decode(plaintext.subarray(0, plaintext.length - (plaintext.at(-1) ?? 0))).conversation ?? ''

export interface Watched {
  store: Store
  writes(): number
  /** Called before every read and write; may wait, or throw. */
  before: (kind: 'read' | 'write') => Promise<void> | void
}

/** A real store that says what is asked of it, and can be slow or fail. */
export async function watchedStore(): Promise<Watched> {
  const inner = await openMemoryStore()
  let writes = 0
  const watched: Watched = {
    before: () => {},
    writes: () => writes,
    store: {
      read: async <T>(work: () => Work<T>) => {
        await watched.before('read')
        return inner.read(work)
      },
      write: async <T>(work: () => Work<T>) => {
        await watched.before('write')
        writes++
        return inner.write(work)
      },
      close: () => inner.close(),
    },
  }
  return watched
}
