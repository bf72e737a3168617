import { el } from '../stream/nodes.ts'
import type { Account } from './accounts.ts'
import type { Origin } from './incoming.ts'
import { toJid } from './jids.ts'
import type { World } from './world.ts'

/** What of a message's stanza its confirmation repeats. */
export interface Arrived {
  readonly id: string
  /** The chat, on a copy of what an account wrote itself. */
  readonly recipient: string | undefined
  readonly isPeer: boolean
}

/** Inside a commit: the device 0 of `self` says that a message has arrived. */
export function confirmArrival(world: World, self: Account, origin: Origin, { id, recipient, isPeer }: Arrived): void {
  const isOwn = origin.author.phone === self.phone
  if (self.kind === 'phone' && !world.faults.phoneReceipts && !isOwn) return
  const person = toJid(self, origin.space)
  const names = origin.group === undefined ? { from: person } : { from: origin.group, participant: person }
  const attrs = { ...names, id, t: world.clock.seconds() }
  if (isPeer) world.queueTo(origin.author.phone, origin.device, el('receipt', { ...attrs, type: 'peer_msg' }))
  else if (isOwn) {
    const chat = origin.group === undefined ? recipient : undefined
    world.queueTo(self.phone, origin.device, el('receipt', { ...attrs, type: 'sender', recipient: chat }))
  } else if (self.kind === 'phone') world.queueToAll(origin.author.phone, el('receipt', attrs))
  else world.confirm(origin.author.phone, self.phone, el('receipt', attrs), [id])
}

/**
 * Whether a message is confirmed without being read: it is for a contact who is blind, or it is the copy, for the
 * writer's own phone, of a message to such a contact. Nobody would read either, and decrypting is most of the work.
 */
export function isUnread(world: World, self: Account, origin: Origin, recipient: string | undefined): boolean {
  if (self.behaviour === 'blind') return true
  if (origin.group !== undefined || origin.author.phone !== self.phone) return false
  return world.accounts.byJid(recipient)?.behaviour === 'blind'
}
