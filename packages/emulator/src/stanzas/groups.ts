import type { BinaryNode } from '@whiskeysockets/baileys'
import { child, children, el, textOf } from '../stream/nodes.ts'
import type { Account } from '../world/accounts.ts'
import { type GroupInfo, newInvite, type Role } from '../world/groups.ts'
import { other, parseJid, toJid } from '../world/jids.ts'
import type { Login } from '../world/login.ts'
import type { World } from '../world/world.ts'
import { groupNode, participantNode } from './group-nodes.ts'
import { IqError, type IqHandler, type Subject } from './registry.ts'

/** Groups: made, asked about and changed by companions. Every change is told to all members, the one who made it included. */
export function groups(world: World): Subject {
  const acts: Record<string, IqHandler> = {
    'set create': (login, iq) => create(world, login, iq),
    'get query': (login, iq) => [groupNode(world, groupOf(world, login, iq))],
    'get participating': ({ phone }) => [
      el(
        'groups',
        {},
        world.groups.of(phone).map((group) => groupNode(world, group)),
      ),
    ],
    'set add': (login, iq) => changeMembers(world, login, iq, 'add'),
    'set remove': (login, iq) => changeMembers(world, login, iq, 'remove'),
    'set promote': (login, iq) => changeMembers(world, login, iq, 'promote'),
    'set demote': (login, iq) => changeMembers(world, login, iq, 'demote'),
    'set leave': (login, iq) => leave(world, login, iq),
    'set subject': (login, iq) => {
      const subject = textOf(child(iq, 'subject'))
      const change = { subject, subjectBy: login.phone, subjectAt: world.clock.seconds() }
      return changeInfo(world, login, iq, change, () => el('subject', { subject, s_t: world.clock.seconds() }))
    },
    'set description': (login, iq) => describe(world, login, iq),
    'get invite': (login, iq) => {
      const code = child(iq, 'invite')?.attrs.code
      if (code === undefined) return [el('invite', { code: groupOf(world, login, iq).invite })]
      return [groupNode(world, invited(world, code))]
    },
    'set invite': (login, iq) => {
      const code = child(iq, 'invite')?.attrs.code
      if (code !== undefined) return join(world, login, invited(world, code))
      const invite = newInvite(world.random)
      changeInfo(world, login, iq, { invite }, () => el('invite', { code: invite }))
      return [el('invite', { code: invite })]
    },
    'set ephemeral': (login, iq) => {
      const ephemeral = Number(child(iq, 'ephemeral')?.attrs.expiration ?? 0)
      return changeInfo(world, login, iq, { ephemeral }, () => el('ephemeral', { expiration: ephemeral }))
    },
    'set member_add_mode': (login, iq) => {
      const memberAddMode = textOf(child(iq, 'member_add_mode')) === 'admin_add' ? 'admin_add' : 'all_member_add'
      return changeInfo(world, login, iq, { memberAddMode }, () => el('member_add_mode', {}, memberAddMode))
    },
    'set membership_approval_mode': (login, iq) => {
      const state = child(child(iq, 'membership_approval_mode'), 'group_join')?.attrs.state ?? 'off'
      const node = el('membership_approval_mode', {}, [el('group_join', { state })])
      return changeInfo(world, login, iq, { needsApproval: state === 'on' }, () => node)
    },
    'get membership_approval_requests': () => [el('membership_approval_requests')],
  }
  for (const [tag, change] of Object.entries(SWITCHES)) {
    acts[`set ${tag}`] = (login, iq) => changeInfo(world, login, iq, change, () => el(tag))
  }
  return { iqs: Object.fromEntries(Object.entries(acts).map(([key, act]) => [`w:g2 ${key}`, act])) }
}

const SWITCHES: Record<string, Partial<GroupInfo>> = {
  announcement: { isAnnouncement: true },
  not_announcement: { isAnnouncement: false },
  locked: { isLocked: true },
  unlocked: { isLocked: false },
  not_ephemeral: { ephemeral: 0 },
}

function create(world: World, login: Login, iq: BinaryNode): BinaryNode[] {
  const wish = child(iq, 'create')
  const asked = children(wish, 'participant').map(({ attrs }) => world.accounts.byJid(attrs.jid))
  const members = asked.flatMap((account) => (account ? [account.phone] : []))
  const group = world.post.commit(() => {
    const made = world.groups.create({
      subject: wish?.attrs.subject ?? '',
      creator: login.phone,
      members,
      addressing: 'lid',
    })
    announceGroup(world, made, login.phone, [...world.groups.members(made.id).keys()], {
      type: 'new',
      key: wish?.attrs.key,
    })
    return made
  })
  return [groupNode(world, group)]
}

/** Inside a commit: makes a group known to members who do not have it yet. */
export function announceGroup(
  world: World,
  group: GroupInfo,
  by: string,
  phones: readonly string[],
  attrs: Record<string, string | undefined> = {},
): void {
  const content = el('create', attrs, [groupNode(world, group)])
  for (const phone of phones) world.queueToAll(phone, notice(world, group, by, content))
}

function changeMembers(
  world: World,
  login: Login,
  iq: BinaryNode,
  action: 'add' | 'remove' | 'promote' | 'demote',
): BinaryNode[] {
  const group = groupOf(world, login, iq)
  requireAdmin(world, group, login, action === 'add' && group.memberAddMode === 'all_member_add')
  const asked = children(child(iq, action), 'participant').map(({ attrs }) => attrs.jid ?? '')
  const outcome = world.post.commit(() => applyToMembers(world, group, login.phone, asked, action))
  return [el(action, {}, outcome)]
}

/** Inside a commit. Returns a participant node per name that was asked for, with an error where it did not work. */
export function applyToMembers(
  world: World,
  group: GroupInfo,
  by: string,
  asked: readonly string[],
  action: 'add' | 'remove' | 'promote' | 'demote',
): BinaryNode[] {
  const before = world.groups.members(group.id)
  const done: Account[] = []
  const outcome = asked.map((jid) => {
    const account = world.accounts.byJid(jid)
    if (!account) return el('participant', { jid, error: 404 })
    const isMember = before.has(account.phone)
    if (isMember === (action === 'add')) return participantNode(group, account, 'member', isMember ? 409 : 404)
    done.push(account)
    return participantNode(group, account)
  })
  if (done.length === 0) return outcome
  const role: Role = action === 'promote' ? 'admin' : 'member'
  for (const { phone } of done) {
    if (action === 'remove') world.groups.remove(group.id, phone)
    else world.groups.setRole(group.id, phone, role)
  }
  const added = new Set(action === 'add' ? done.map(({ phone }) => phone) : [])
  const content = el(
    action,
    {},
    done.map((account) => participantNode(group, account)),
  )
  // Those removed are told about themselves; those added get the whole group instead.
  const told = new Set([...before.keys(), ...world.groups.members(group.id).keys()])
  for (const phone of told) if (!added.has(phone)) world.queueToAll(phone, notice(world, group, by, content))
  announceGroup(world, group, by, [...added])
  return outcome
}

function leave(world: World, login: Login, iq: BinaryNode): BinaryNode[] {
  const ids = children(child(iq, 'leave'), 'group').map(({ attrs }) => attrs.id ?? '')
  const self = world.accounts.require(login.phone)
  world.post.commit(() => {
    for (const id of ids) {
      const group = world.groups.get(id.includes('@') ? id : `${id}@g.us`)
      if (group) applyToMembers(world, group, login.phone, [toJid(self, 'pn')], 'remove')
    }
  })
  return [
    el(
      'leave',
      {},
      ids.map((id) => el('group', { id })),
    ),
  ]
}

function join(world: World, login: Login, group: GroupInfo): BinaryNode[] {
  const self = world.accounts.require(login.phone)
  world.post.commit(() => applyToMembers(world, group, login.phone, [toJid(self, 'pn')], 'add'))
  return [el('group', { jid: group.id })]
}

function describe(world: World, login: Login, iq: BinaryNode): BinaryNode[] {
  const node = child(iq, 'description')
  const id = node?.attrs.id
  const text = textOf(child(node, 'body'))
  const group = groupOf(world, login, iq)
  requireAdmin(world, group, login, !group.isLocked)
  const { description: _old, ...rest } = group
  world.post.commit(() => {
    world.groups.replace(id ? { ...rest, description: { id, text, by: login.phone, at: world.clock.seconds() } } : rest)
    const content = el(
      'description',
      { id, t: world.clock.seconds() },
      id ? [el('body', {}, Buffer.from(text))] : undefined,
    )
    tellMembers(world, group, login.phone, content)
  })
  return []
}

function changeInfo(
  world: World,
  login: Login,
  iq: BinaryNode,
  change: Partial<GroupInfo>,
  content: () => BinaryNode,
): BinaryNode[] {
  const group = groupOf(world, login, iq)
  requireAdmin(world, group, login, !group.isLocked && 'subject' in change)
  world.post.commit(() => {
    world.groups.update(group.id, change)
    tellMembers(world, group, login.phone, content())
  })
  return []
}

function tellMembers(world: World, group: GroupInfo, by: string, content: BinaryNode): void {
  for (const phone of world.groups.members(group.id).keys()) {
    world.queueToAll(phone, notice(world, group, by, content))
  }
}

function notice(world: World, group: GroupInfo, by: string, content: BinaryNode): BinaryNode {
  const author = world.accounts.require(by)
  const { addressing } = group
  return world.notification('w:gp2', group.id, [content], {
    participant: toJid(author, addressing),
    [addressing === 'lid' ? 'participant_pn' : 'participant_lid']: toJid(author, other(addressing)),
    addressing_mode: addressing,
    notify: author.name ?? author.phone,
  })
}

function groupOf(world: World, login: Login, iq: BinaryNode): GroupInfo {
  const group = parseJid(iq.attrs.to)?.kind === 'group' ? world.groups.get(iq.attrs.to ?? '') : undefined
  if (!group) throw new IqError(404, 'item-not-found')
  if (!world.groups.members(group.id).has(login.phone)) throw new IqError(403, 'forbidden')
  return group
}

function invited(world: World, code: string): GroupInfo {
  const group = world.groups.byInvite(code)
  if (!group) throw new IqError(404, 'item-not-found')
  return group
}

function requireAdmin(world: World, group: GroupInfo, login: Login, isOpenToAll: boolean): void {
  const role = world.groups.members(group.id).get(login.phone)
  if (!isOpenToAll && role !== 'admin' && role !== 'superadmin') throw new IqError(403, 'forbidden')
}
