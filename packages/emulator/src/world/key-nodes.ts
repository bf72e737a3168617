import type { BinaryNode } from '@whiskeysockets/baileys'
import { bigEndian, el } from '../stream/nodes.ts'
import type { Bundle } from './bundles.ts'

export const KEY_TYPE = Buffer.from([5])

/** The public keys of a device as every stanza writes them: type, identity, one-time key if any, signed key. */
export function keyNodes({ identityKey, oneTimeKey, signedPreKey }: Bundle): BinaryNode[] {
  const once = oneTimeKey
    ? [el('key', {}, [el('id', {}, bigEndian(oneTimeKey.id, 3)), el('value', {}, oneTimeKey.value)])]
    : []
  return [el('type', {}, KEY_TYPE), el('identity', {}, identityKey), ...once, signedKeyNode(signedPreKey)]
}

export function signedKeyNode(key: Bundle['signedPreKey']): BinaryNode {
  return el('skey', {}, [
    el('id', {}, bigEndian(key.id, 3)),
    el('value', {}, key.value),
    el('signature', {}, key.signature),
  ])
}
