import type { BinaryNode } from '@whiskeysockets/baileys'
import { bigEndian, bytesOf, child, el, numberOf } from '../stream/nodes.ts'
import type { Account } from './accounts.ts'
import type { Bundle } from './bundles.ts'
import type { Origin } from './incoming.ts'
import { toJid } from './jids.ts'
import { keyNodes } from './key-nodes.ts'
import type { World } from './world.ts'

/** Inside a commit: asks the author's device for a message that the device 0 of `self` could not read. */
export function retryReceipt(world: World, self: Account, node: BinaryNode, origin: Origin, count: number): BinaryNode {
  const id = node.attrs.id ?? ''
  const content = [
    el('retry', { count, id, t: node.attrs.t, v: '1', error: '0' }),
    el('registration', {}, bigEndian(self.identity.registrationId, 4)),
  ]
  // With keys from the second try on, as phones do: the first one may be answered in the session that is there.
  if (count > 1) content.push(freshKeys(world, self))
  const attrs = {
    from: origin.group ?? toJid(self, origin.space),
    id,
    t: world.clock.seconds(),
    type: 'retry',
    participant: origin.group && toJid(self, origin.space),
    recipient: node.attrs.recipient,
  }
  return el('receipt', attrs, content)
}

function freshKeys(world: World, self: Account): BinaryNode {
  const bundle = world.takeBundle(self.phone, 0)
  if (!bundle) throw new Error(`${self.phone} has no keys.`)
  return el('keys', {}, keyNodes(bundle))
}

/** The fresh keys that a retry receipt may carry. */
export function bundleIn(receipt: BinaryNode): Bundle | undefined {
  const keys = child(receipt, 'keys')
  const skey = child(keys, 'skey')
  if (!keys || !skey) return undefined
  const key = child(keys, 'key')
  return {
    registrationId: numberOf(child(receipt, 'registration')),
    identityKey: bytesOf(child(keys, 'identity')),
    signedPreKey: {
      id: numberOf(child(skey, 'id')),
      value: bytesOf(child(skey, 'value')),
      signature: bytesOf(child(skey, 'signature')),
    },
    oneTimeKey: key && { id: numberOf(child(key, 'id')), value: bytesOf(child(key, 'value')) },
    signedIdentity: undefined,
  }
}
