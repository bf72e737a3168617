import { type BinaryNode, proto, unpadRandomMax16 } from '@whiskeysockets/baileys'
import { AlreadyDecrypted, addressOf, Cipher } from '../signal/cipher.ts'
import { SenderKeys } from '../signal/sender-keys.ts'
import type { SignalUnit } from '../signal/unit.ts'
import { bytesOf, children } from '../stream/nodes.ts'
import type { Account } from './accounts.ts'
import { parseJid, type Space } from './jids.ts'
import type { World } from './world.ts'

/** Who wrote a stanza that arrived at a device 0, and in which chat. */
export interface Origin {
  readonly author: Account
  readonly device: number
  readonly space: Space
  /** The group, with `@g.us`; undefined between two people. */
  readonly group: string | undefined
}

export type Read =
  | { readonly outcome: 'read'; readonly message: proto.IMessage }
  | { readonly outcome: 'known' }
  | { readonly outcome: 'unreadable'; readonly why: string }

export function originOf(world: World, node: BinaryNode): Origin | undefined {
  const from = parseJid(node.attrs.from)
  const group = from?.kind === 'group' ? node.attrs.from : undefined
  const writer = group === undefined ? node.attrs.from : node.attrs.participant
  const address = parseJid(writer)
  const author = world.accounts.byJid(writer)
  if (!author || !address) return undefined
  return { author, device: address.device, space: address.kind === 'lid' ? 'lid' : 'pn', group }
}

/** Opens a message at the device 0 of `self`. All changes of keys stay in `unit`, which the caller writes or drops. */
export async function readMessage(unit: SignalUnit, self: Account, origin: Origin, node: BinaryNode): Promise<Read> {
  const cipher = new Cipher(unit, self.identity)
  const senderKeys = new SenderKeys(unit)
  const address = addressOf(origin.author, origin.device)
  const whole: proto.IMessage = {}
  try {
    for (const enc of children(node, 'enc')) {
      const type = enc.attrs.type ?? 'msg'
      const isForGroup = type === 'skmsg' && origin.group !== undefined
      const plain = isForGroup
        ? await senderKeys.decrypt(origin.group ?? '', address, bytesOf(enc))
        : await cipher.decrypt(address, type, bytesOf(enc))
      const message = proto.Message.decode(unpadRandomMax16(plain))
      await takeSenderKey(senderKeys, address, message)
      Object.assign(whole, message)
    }
    return { outcome: 'read', message: whole }
  } catch (error) {
    if (error instanceof AlreadyDecrypted) return { outcome: 'known' }
    return { outcome: 'unreadable', why: String(error) }
  }
}

async function takeSenderKey(senderKeys: SenderKeys, address: string, message: proto.IMessage): Promise<void> {
  const inner = message.deviceSentMessage?.message ?? message
  const { groupId, axolotlSenderKeyDistributionMessage: key } = inner.senderKeyDistributionMessage ?? {}
  if (groupId && key) await senderKeys.process(groupId, address, key)
}
