import type { Identity } from '../world/accounts.ts'
import type { Bundle } from '../world/bundles.ts'
import {
  type KeyPair,
  libsignal,
  PreKeyWhisperMessage,
  type SessionEntry,
  type SessionRecord,
  type SignalStorage,
  typed,
} from './libsignal.ts'
import type { SignalUnit } from './unit.ts'

export type EncType = 'pkmsg' | 'msg'

/** The key of this message was used before: the same bytes arrived twice. */
export class AlreadyDecrypted extends Error {}

/** X3DH and the double ratchet of one account's device 0, over the state of one operation. */
export class Cipher {
  readonly #unit: SignalUnit
  readonly #identity: Identity
  readonly #storage: SignalStorage

  constructor(unit: SignalUnit, identity: Identity) {
    this.#unit = unit
    this.#identity = identity
    this.#storage = this.#makeStorage()
  }

  hasSession(address: string): boolean {
    return this.#unit.session(address)?.getOpenSession() !== undefined
  }

  /** Starts a session with the device that the bundle belongs to; an open one is kept for late messages only. */
  async open(address: string, bundle: Bundle): Promise<void> {
    const record = this.#unit.session(address)
    if (record) {
      closeAll(record)
      this.#unit.setSession(address, record)
    }
    const { oneTimeKey, signedPreKey } = bundle
    await new libsignal.SessionBuilder(this.#storage, toAddress(address)).initOutgoing({
      registrationId: bundle.registrationId,
      identityKey: typed(bundle.identityKey),
      signedPreKey: {
        keyId: signedPreKey.id,
        publicKey: typed(signedPreKey.value),
        signature: signedPreKey.signature,
      },
      ...(oneTimeKey && { preKey: { keyId: oneTimeKey.id, publicKey: typed(oneTimeKey.value) } }),
    })
  }

  async encrypt(address: string, plain: Buffer): Promise<{ type: EncType; body: Buffer }> {
    const sealed = await new libsignal.SessionCipher(this.#storage, toAddress(address)).encrypt(plain)
    return { type: sealed.type === 3 ? 'pkmsg' : 'msg', body: Buffer.from(sealed.body) }
  }

  async decrypt(address: string, type: string, body: Buffer): Promise<Buffer> {
    try {
      return type === 'pkmsg' ? await this.#decryptFirst(address, body) : await this.#decryptLater(address, body)
    } catch (error) {
      if (error instanceof Error && error.name === 'MessageCounterError') throw new AlreadyDecrypted(error.message)
      throw error
    }
  }

  async #decryptFirst(address: string, body: Buffer): Promise<Buffer> {
    const message = PreKeyWhisperMessage.decode(body.subarray(1))
    const record = this.#unit.session(address) ?? new libsignal.SessionRecord()
    const isNew = record.sessions[message.baseKey.toString('base64')] === undefined
    // libsignal would close the open session itself, and print it.
    if (isNew) closeAll(record)
    const builder = new libsignal.SessionBuilder(this.#storage, toAddress(address))
    const preKeyId = await builder.initIncoming(record, message)
    const session = record.getSession(message.baseKey)
    if (!session) throw new Error('the first message opened no session')
    const plain = await this.#cipher(address).doDecryptWhisperMessage(message.message, session)
    this.#unit.setSession(address, record)
    if (preKeyId) this.#unit.usePreKey(preKeyId)
    return plain
  }

  /**
   * Tries each session on a copy of the record. libsignal steps the ratchet and drops keys before it checks the MAC,
   * so an attempt with the wrong session ruins that session for good if the record is kept.
   */
  async #decryptLater(address: string, body: Buffer): Promise<Buffer> {
    const candidates = this.#unit.session(address)?.getSessions().length ?? 0
    if (candidates === 0) throw new Error('No session record')
    let used: Error | undefined
    for (let index = 0; index < candidates; index++) {
      const record = this.#unit.session(address)
      const session = record?.getSessions()[index]
      if (!record || !session) break
      try {
        const plain = await this.#cipher(address).doDecryptWhisperMessage(body, session)
        session.indexInfo.used = Date.now() // the machine's time, which libsignal itself writes there
        promote(record, session)
        this.#unit.setSession(address, record)
        return plain
      } catch (error) {
        if (error instanceof Error && error.name === 'MessageCounterError') used = error
      }
    }
    throw used ?? new Error('No matching sessions found for message')
  }

  #cipher(address: string) {
    return new libsignal.SessionCipher(this.#storage, toAddress(address))
  }

  #makeStorage(): SignalStorage {
    const unit = this.#unit
    const { key, registrationId, signedPreKey } = this.#identity
    const pair = (raw: { public: Buffer; private: Buffer }): KeyPair => ({
      pubKey: typed(raw.public),
      privKey: raw.private,
    })
    return {
      loadSession: (id) => unit.session(fromAddress(id)),
      storeSession: (id, record) => unit.setSession(fromAddress(id), record),
      isTrustedIdentity: () => true,
      loadPreKey: (id) => {
        const found = id ? unit.preKey(id) : undefined
        return found && pair(found)
      },
      removePreKey: (id) => unit.usePreKey(id),
      loadSignedPreKey: () => pair(signedPreKey.pair),
      getOurRegistrationId: () => registrationId,
      getOurIdentity: () => pair(key),
    }
  }
}

/** The address a device's session is kept under: always its lid, because a phone number can be spelled two ways. */
export function addressOf(account: { lid: string }, device: number): string {
  return `${account.lid}_${device}`
}

function toAddress(address: string): object {
  return new libsignal.ProtocolAddress(address, 0)
}

function fromAddress(id: string): string {
  return id.replace(/\.0$/, '')
}

function closeAll(record: SessionRecord): void {
  for (const entry of Object.values(record.sessions)) {
    if (entry.indexInfo.closed === -1) entry.indexInfo.closed = Date.now()
  }
}

/** The session a peer writes in is the one it will read best: phones make it their current one, and so the two converge. */
function promote(record: SessionRecord, session: SessionEntry): void {
  if (session.indexInfo.closed === -1) return
  closeAll(record)
  session.indexInfo.closed = -1
}
