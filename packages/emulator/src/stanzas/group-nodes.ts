import type { BinaryNode } from '@whiskeysockets/baileys'
import { el } from '../stream/nodes.ts'
import type { Account } from '../world/accounts.ts'
import type { GroupInfo, Role } from '../world/groups.ts'
import { other, toJid } from '../world/jids.ts'
import type { World } from '../world/world.ts'

/** A group as clients read it: in answers, and in the notification that makes it known. */
export function groupNode(
  world: World,
  group: GroupInfo,
  options: { withMembers: boolean } = { withMembers: true },
): BinaryNode {
  const { addressing } = group
  const members = world.groups.members(group.id)
  const creator = world.accounts.get(group.creator)
  const subjectBy = world.accounts.get(group.subjectBy)
  const attrs = {
    id: group.id.replace('@g.us', ''),
    addressing_mode: addressing,
    subject: group.subject,
    s_t: group.subjectAt,
    s_o: subjectBy && toJid(subjectBy, addressing),
    s_o_pn: subjectBy && toJid(subjectBy, 'pn'),
    creation: group.createdAt,
    creator: creator && toJid(creator, addressing),
    creator_pn: creator && toJid(creator, 'pn'),
    size: members.size,
  }
  const content = options.withMembers
    ? [...members].map(([phone, role]) => participantNode(group, world.accounts.require(phone), role))
    : []
  content.push(...settingNodes(world, group))
  return el('group', attrs, content)
}

/** Both names, so that clients learn which phone number belongs to which lid. */
export function participantNode(group: GroupInfo, account: Account, role: Role = 'member', error?: number): BinaryNode {
  const { addressing } = group
  return el('participant', {
    jid: toJid(account, addressing),
    [addressing === 'lid' ? 'phone_number' : 'lid']: toJid(account, other(addressing)),
    type: role === 'member' ? undefined : role,
    error,
  })
}

function settingNodes(world: World, group: GroupInfo): BinaryNode[] {
  const nodes: BinaryNode[] = [el('member_add_mode', {}, group.memberAddMode)]
  if (group.isLocked) nodes.push(el('locked'))
  if (group.isAnnouncement) nodes.push(el('announcement'))
  if (group.ephemeral > 0) nodes.push(el('ephemeral', { expiration: group.ephemeral }))
  if (group.needsApproval) nodes.push(el('membership_approval_mode', {}, [el('group_join', { state: 'on' })]))
  if (group.description) {
    const { id, text, by, at } = group.description
    const writer = world.accounts.get(by)
    const attrs = {
      id,
      t: at,
      participant: writer && toJid(writer, group.addressing),
      participant_pn: writer && toJid(writer, 'pn'),
    }
    nodes.push(el('description', attrs, [el('body', {}, Buffer.from(text))]))
  }
  return nodes
}
