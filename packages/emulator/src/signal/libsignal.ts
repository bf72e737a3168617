import { createRequire } from 'node:module'

/**
 * The border to libsignal. Its type declarations leave out most of what is used here, so the shapes are written down
 * once, as read in libsignal 6.0.0. It logs whole sessions, private keys included, whenever it closes one; everything
 * here is arranged so that it never comes to that.
 */
export interface SessionEntry {
  registrationId: number
  pendingPreKey?: object
  indexInfo: { closed: number; used: number; baseKey: Buffer }
}

export interface SessionRecord {
  sessions: Record<string, SessionEntry>
  serialize(): object
  getSession(baseKey: Buffer): SessionEntry | undefined
  getOpenSession(): SessionEntry | undefined
  getSessions(): SessionEntry[]
}

export interface KeyPair {
  pubKey: Buffer
  privKey: Buffer
}

export interface SignalStorage {
  loadSession(address: string): SessionRecord | undefined
  storeSession(address: string, record: SessionRecord): void
  isTrustedIdentity(): boolean
  loadPreKey(id: number | undefined): KeyPair | undefined
  removePreKey(id: number): void
  loadSignedPreKey(): KeyPair
  getOurRegistrationId(): number
  getOurIdentity(): KeyPair
}

/** Keys carry libsignal's type byte, 33 bytes. */
export interface OutgoingBundle {
  registrationId: number
  identityKey: Buffer
  signedPreKey: { keyId: number; publicKey: Buffer; signature: Buffer }
  preKey?: { keyId: number; publicKey: Buffer }
}

export interface PreKeyMessage {
  baseKey: Buffer
  preKeyId: number
  message: Buffer
}

interface Libsignal {
  ProtocolAddress: new (name: string, device: number) => object
  SessionRecord: { new (): SessionRecord; deserialize(data: object): SessionRecord }
  SessionBuilder: new (
    storage: SignalStorage,
    address: object,
  ) => {
    initOutgoing(bundle: OutgoingBundle): Promise<void>
    initIncoming(record: SessionRecord, message: PreKeyMessage): Promise<number | undefined>
  }
  SessionCipher: new (
    storage: SignalStorage,
    address: object,
  ) => {
    encrypt(plain: Buffer): Promise<{ type: number; body: Buffer }>
    doDecryptWhisperMessage(message: Buffer, session: SessionEntry): Promise<Buffer>
  }
}

const require = createRequire(import.meta.url)
// CommonJS without usable types; the interfaces above are what version 6.0.0 does.
export const libsignal = require('libsignal') as Libsignal
export const { PreKeyWhisperMessage } = require('libsignal/src/protobufs.js') as {
  PreKeyWhisperMessage: { decode(bytes: Buffer): PreKeyMessage }
}

/** Raw key to libsignal's form. */
export function typed(key: Uint8Array): Buffer {
  return key.length === 33 ? Buffer.from(key) : Buffer.concat([Buffer.from([5]), key])
}
