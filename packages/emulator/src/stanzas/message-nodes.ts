import type { BinaryNode } from '@whiskeysockets/baileys'
import { children } from '../stream/nodes.ts'
import type { Account } from '../world/accounts.ts'
import type { World } from '../world/world.ts'

/** What every copy of a message has, whoever gets it. */
export function commonAttrs(world: World, node: BinaryNode, sender: Account) {
  const { id, type, edit } = node.attrs
  return { id, type, edit, t: world.clock.seconds(), notify: sender.name ?? sender.phone }
}

/** What travels beside the ciphertexts; the proof of the link only where a session begins. */
export function companionsOf(node: BinaryNode, encs: readonly BinaryNode[]): BinaryNode[] {
  const isFirst = encs.some(({ attrs }) => attrs.type === 'pkmsg')
  return children(node).filter(({ tag }) => tag === 'meta' || (isFirst && tag === 'device-identity'))
}
