import type { BinaryNode } from '@whiskeysockets/baileys'
import { child, children, el } from '../stream/nodes.ts'
import type { GroupInfo } from '../world/groups.ts'
import { other, parseJid, toJid } from '../world/jids.ts'
import type { Login } from '../world/login.ts'
import { isHashOf, participantHash } from '../world/participant-hash.ts'
import type { World } from '../world/world.ts'
import type { Verdict } from './acks.ts'
import { commonAttrs, companionsOf } from './message-nodes.ts'

/** `edit` of a message in which an admin deletes what somebody else wrote. */
const ADMIN_REVOKE = '8'

/**
 * Commits a message for every device in a group: the one ciphertext for all, and for those the sender listed, what only
 * they can read, which is the key. A device that was not listed gets the ciphertext all the same, and asks for the key.
 */
export function deliverToGroup(world: World, login: Login, node: BinaryNode): Verdict {
  const group = world.groups.get(node.attrs.to ?? '')
  if (!group) return { error: 404 }
  const space = group.addressing
  const role = world.groups.members(group.id).get(login.phone)
  const isForAdmins = group.isAnnouncement || node.attrs.edit === ADMIN_REVOKE
  if (!role || (isForAdmins && role === 'member')) return { error: 403 }
  // The client has the group as it was before it changed its names; it is told them and may try again.
  const { addressing_mode: mode = space } = node.attrs
  if (mode !== space) return { error: 421, addressing_mode: space }
  const sender = world.accounts.require(login.phone)
  const self = toJid(sender, space, login.device)
  const attrs = {
    from: group.id,
    participant: self,
    [space === 'pn' ? 'participant_lid' : 'participant_pn']: toJid(sender, other(space)),
    addressing_mode: space,
    ...commonAttrs(world, node, sender),
  }
  const shared = children(node, 'enc')
  const personal = personalIn(world, node)
  const devices = devicesIn(world, group)
  world.post.commit(() => {
    for (const { phone, device } of receiversOf(world, node, devices)) {
      if (phone === login.phone && device === login.device) continue
      // The sender key first: the text cannot be read without it.
      const encs = [...(personal.get(`${phone}:${device}`) ?? []), ...shared]
      if (encs.length === 0) continue
      world.post.queue(phone, device, el('message', attrs, [...encs, ...companionsOf(node, encs)]))
    }
  })
  const { phash } = node.attrs
  if (phash === undefined) return {}
  const jids = devices.map(({ jid }) => jid)
  return isHashOf(phash, jids, self) ? {} : { phash: participantHash(jids) }
}

interface Receiver {
  readonly phone: string
  readonly device: number
  readonly jid: string
}

function devicesIn(world: World, group: GroupInfo): Receiver[] {
  return [...world.groups.members(group.id).keys()].flatMap((phone) => {
    const account = world.accounts.require(phone)
    return world.devices.numbersOf(phone).map((device) => {
      return { phone, device, jid: toJid(account, group.addressing, device) }
    })
  })
}

/** All, or the one device that a retry receipt came from. */
function receiversOf(world: World, node: BinaryNode, devices: readonly Receiver[]): readonly Receiver[] {
  const { participant } = node.attrs
  if (participant === undefined) return devices
  const account = world.accounts.byJid(participant)
  const device = parseJid(participant)?.device
  return devices.filter((receiver) => receiver.phone === account?.phone && receiver.device === device)
}

/** What is for one device only, by `phone:device`: senders name devices by lid or by number as they like. */
function personalIn(world: World, node: BinaryNode): Map<string, BinaryNode[]> {
  const personal = new Map<string, BinaryNode[]>()
  for (const entry of children(child(node, 'participants'), 'to')) {
    const owner = world.accounts.byJid(entry.attrs.jid)
    if (owner) personal.set(`${owner.phone}:${parseJid(entry.attrs.jid)?.device ?? 0}`, children(entry))
  }
  return personal
}
