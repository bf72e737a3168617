import type { BinaryNode } from '@whiskeysockets/baileys'
import { el } from '../stream/nodes.ts'
import type { Account } from '../world/accounts.ts'
import type { Outcome } from '../world/group-members.ts'
import type { GroupInfo, Role } from '../world/groups.ts'
import { other, toJid } from '../world/jids.ts'
import type { World } from '../world/world.ts'

/** A group as clients read it: in answers, and in the notification that makes it known. */
export function groupNode(world: World, group: GroupInfo, options: { withMembers?: boolean } = {}): BinaryNode {
  const { withMembers = true } = options
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
    p_v_id: versionId(group, group.versions.members),
    a_v_id: versionId(group, group.versions.announcement),
  }
  const content = withMembers
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

/** What became of a person, as the answer to who wanted something with them. */
export function outcomeNode(group: GroupInfo, { jid, account, code, invite }: Outcome): BinaryNode {
  const error = code === 200 ? undefined : code
  if (!account) return el('participant', { jid, error })
  const { attrs } = participantNode(group, account, 'member', error)
  const ticket = invite && [el('add_request', { code: invite.code, expiration: invite.expiresAt })]
  return el('participant', { ...attrs, type: error === undefined ? code : undefined }, ticket)
}

/** Of members (`p_v_id`), of who may write (`a_v_id`): decimal, and growing. */
export function versionId(group: GroupInfo, version: number): string {
  return String(group.createdAt * 1_000_000 + version)
}

function settingNodes(world: World, group: GroupInfo): BinaryNode[] {
  const nodes: BinaryNode[] = [
    el('member_add_mode', {}, group.memberAddMode),
    el('member_link_mode', {}, group.memberLinkMode),
    ...group.switches.map((tag) => el(tag)),
  ]
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
