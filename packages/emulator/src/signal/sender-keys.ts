import {
  GroupCipher,
  GroupSessionBuilder,
  SenderKeyDistributionMessage,
  SenderKeyName,
  SenderKeyRecord,
} from '@whiskeysockets/baileys/lib/Signal/Group/index.js'
import type { SignalUnit } from './unit.ts'

/** Sender keys of one account's device 0: one ratchet per (group, author device), handed to every member's device. */
export class SenderKeys {
  readonly #unit: SignalUnit

  constructor(unit: SignalUnit) {
    this.#unit = unit
  }

  /** What a member's device needs to read what `author` writes from now on. Makes the key when there is none. */
  async distribution(chat: string, author: string): Promise<Buffer> {
    const message = await new GroupSessionBuilder(this.#store()).create(nameOf(chat, author))
    return Buffer.from(message.serialize())
  }

  async process(chat: string, author: string, distribution: Uint8Array): Promise<void> {
    const message = new SenderKeyDistributionMessage(null, null, null, null, distribution)
    // The record keeps five states and looks for the first of an id: a key that came twice would push out good ones.
    const known = this.#load(nameOf(chat, author)).getSenderKeyState(message.getId())
    if (!known) await new GroupSessionBuilder(this.#store()).process(nameOf(chat, author), message)
  }

  async encrypt(chat: string, author: string, plain: Buffer): Promise<Buffer> {
    return Buffer.from(await new GroupCipher(this.#store(), nameOf(chat, author)).encrypt(plain))
  }

  async decrypt(chat: string, author: string, body: Buffer): Promise<Buffer> {
    return Buffer.from(await new GroupCipher(this.#store(), nameOf(chat, author)).decrypt(body))
  }

  #store() {
    return {
      loadSenderKey: async (name: SenderKeyName) => this.#load(name),
      storeSenderKey: async (name: SenderKeyName, record: SenderKeyRecord) => {
        const text = JSON.stringify(record.serialize())
        this.#unit.setSenderKey(name.getGroupId(), name.getSender().id, Buffer.from(text))
      },
    }
  }

  #load(name: SenderKeyName): SenderKeyRecord {
    const saved = this.#unit.senderKey(name.getGroupId(), name.getSender().id)
    return saved ? SenderKeyRecord.deserialize(saved) : new SenderKeyRecord()
  }
}

function nameOf(chat: string, author: string): SenderKeyName {
  return new SenderKeyName(chat, { id: author, deviceId: 0, toString: () => `${author}.0` })
}
