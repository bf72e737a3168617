import type { BinaryNode } from '@whiskeysockets/baileys'
import { groupNode } from '../stanzas/group-nodes.ts'
import { el } from '../stream/nodes.ts'
import type { GroupInfo } from './groups.ts'
import { other, toJid } from './jids.ts'
import type { World } from './world.ts'

/**
 * Inside a commit: what happened to a group, for each companion of each member; the device that did it gets it too.
 * `except` are members who are told in another way.
 */
export function tellMembers(
  world: World,
  group: GroupInfo,
  by: string,
  content: BinaryNode,
  except: ReadonlySet<string> = new Set(),
): void {
  const phones = [...world.groups.members(group.id).keys()].filter((phone) => !except.has(phone))
  tell(world, group, by, content, phones)
}

/** Inside a commit: what only admins are told, and those whom it is about. */
export function tellAdmins(
  world: World,
  group: GroupInfo,
  by: string,
  content: BinaryNode,
  others: readonly string[] = [],
): void {
  const admins = [...world.groups.members(group.id)].flatMap(([phone, role]) => (role === 'member' ? [] : [phone]))
  tell(world, group, by, content, new Set([...admins, ...others]))
}

/** Inside a commit: makes a group known to members who do not have it yet. */
export function announceGroup(
  world: World,
  group: GroupInfo,
  by: string,
  phones: readonly string[],
  attrs: Record<string, string | undefined> = {},
): void {
  if (phones.length > 0) tell(world, group, by, el('create', attrs, [groupNode(world, group)]), phones)
}

/** Inside a commit. */
export function tell(world: World, group: GroupInfo, by: string, content: BinaryNode, phones: Iterable<string>): void {
  const author = world.accounts.require(by)
  const { addressing } = group
  const names = {
    participant: toJid(author, addressing),
    [addressing === 'lid' ? 'participant_pn' : 'participant_lid']: toJid(author, other(addressing)),
    addressing_mode: addressing,
    notify: author.name ?? author.phone,
  }
  for (const phone of phones) {
    world.queueToAll(phone, world.notification('w:gp2', group.id, [content], names))
  }
}
