import type { BinaryNode } from '@whiskeysockets/baileys'
import { child, children, el, textOf } from '../stream/nodes.ts'
import { acceptInvite, cancelRequests, decide, invited, joinByLink, personallyInvited } from '../world/group-joining.ts'
import { changeMembers, createGroup, leaveGroup, MEMBER_ACTIONS, type MemberAction } from '../world/group-members.ts'
import { groupFor, requireAdmin, requireLinkKeeper } from '../world/group-rules.ts'
import { checkSubject, describe, rename, resetInvite, type Setting, setting } from '../world/group-settings.ts'
import type { GroupInfo, JoinRequest } from '../world/groups.ts'
import type { Login } from '../world/login.ts'
import type { World } from '../world/world.ts'
import { groupNode, outcomeNode, participantNode } from './group-nodes.ts'
import { IqError } from './iq-error.ts'
import type { IqHandler, Subject } from './registry.ts'

/**
 * What companions ask of their groups. What is allowed, what it changes and who is told is decided in `world/group-*`;
 * every change is told to all members, the device that made it included.
 */
export function groups(world: World): Subject {
  const acts: Record<string, IqHandler> = {
    'set create': (login, iq) => create(world, login, iq),
    'get query': (login, iq) => query(world, login, iq),
    'get participating': ({ phone }, iq) => {
      const wish = child(iq, 'participating')
      const options = { withMembers: child(wish, 'participants') !== undefined || children(wish).length === 0 }
      const all = world.groups.of(phone).map((group) => groupNode(world, group, options))
      return [el('groups', {}, all)]
    },
    'get pictures': (login, iq) => pictures(world, login, iq),
    'set leave': (login, iq) => leave(world, login, iq),
    'set subject': (login, iq) => {
      change(world, login, iq, (group) => rename(world, group, login.phone, textOf(child(iq, 'subject'))))
      return []
    },
    'set description': (login, iq) => {
      const node = child(iq, 'description')
      const text = node?.attrs.delete === 'true' ? '' : textOf(child(node, 'body'))
      const { id, prev } = node?.attrs ?? {}
      change(world, login, iq, (group) => describe(world, group, login.phone, text, id, prev))
      return []
    },
    'get invite': (login, iq) => {
      const code = child(iq, 'invite')?.attrs.code
      if (code !== undefined) return [groupNode(world, invited(world, code))]
      const group = groupFor(world, iq.attrs.to, login.phone)
      requireLinkKeeper(world, group, login.phone)
      return [el('invite', { code: group.invite })]
    },
    'set invite': (login, iq) => {
      const code = child(iq, 'invite')?.attrs.code
      if (code === undefined) {
        return [el('invite', { code: change(world, login, iq, (group) => resetInvite(world, group, login.phone)) })]
      }
      const { group, isIn } = world.post.commit(() => joinByLink(world, login.phone, code))
      return [el(isIn ? 'group' : 'membership_approval_request', { jid: group.id })]
    },
    'set accept': (login, iq) => {
      const { code = '' } = child(iq, 'accept')?.attrs ?? {}
      const { id } = world.post.commit(() => acceptInvite(world, login.phone, iq.attrs.to ?? '', code))
      return [el('group', { jid: id })]
    },
    'set revoke': (login, iq) => {
      const asked = namesIn(child(iq, 'revoke'))
      change(world, login, iq, (group) => {
        requireAdmin(world, group, login.phone)
        for (const jid of asked) {
          const { phone } = world.accounts.byJid(jid) ?? {}
          if (phone !== undefined) world.groups.removePersonalInvite(group.id, phone)
        }
      })
      const names = asked.map((jid) => el('participant', { jid }))
      return [el('revoke', {}, names)]
    },
    'get membership_approval_requests': (login, iq) => {
      const group = groupFor(world, iq.attrs.to, login.phone)
      requireAdmin(world, group, login.phone)
      const waiting = world.groups.requests(group.id).map((request) => requestNode(world, group, request))
      return [el('membership_approval_requests', {}, waiting)]
    },
    'set membership_requests_action': (login, iq) => {
      const verdicts = children(child(iq, 'membership_requests_action')).map((node) => {
        if (node.tag !== 'approve' && node.tag !== 'reject') throw new IqError(400, 'bad-request')
        const { tag } = node
        return change(world, login, iq, (group) => {
          const outcomes = decide(world, group, login.phone, namesIn(node), tag)
          const nodes = outcomes.map((outcome) => outcomeNode(group, outcome))
          return el(tag, {}, nodes)
        })
      })
      return [el('membership_requests_action', {}, verdicts)]
    },
    'set cancel_membership_requests': (login, iq) => {
      const group = world.groups.get(iq.attrs.to ?? '')
      if (!group) throw new IqError(404, 'item-not-found')
      const asked = namesIn(child(iq, 'cancel_membership_requests'))
      const outcomes = world.post.commit(() => cancelRequests(world, group, login.phone, asked))
      const nodes = outcomes.map((outcome) => outcomeNode(group, outcome))
      return [el('cancel_membership_requests', {}, nodes)]
    },
    'set ack': () => [], // a client has read a notice about the group
  }
  for (const action of MEMBER_ACTIONS) acts[`set ${action}`] = (login, iq) => [members(world, login, iq, action)]
  for (const [tag, read] of Object.entries(SETTINGS)) {
    acts[`set ${tag}`] = (login, iq) => {
      change(world, login, iq, (group) => setting(world, group, login.phone, read(child(iq, tag))))
      return []
    }
  }
  for (const [on, off] of SWITCHES) {
    for (const tag of [on, off]) {
      acts[`set ${tag}`] = (login, iq) => {
        change(world, login, iq, (group) => {
          const rest = group.switches.filter((other) => other !== on)
          setting(world, group, login.phone, { switches: tag === on ? [...rest, on] : rest }, tag)
        })
        return []
      }
    }
  }
  return { iqs: Object.fromEntries(Object.entries(acts).map(([key, act]) => [`w:g2 ${key}`, act])) }
}

/** What each tag sets, given the node itself. */
const SETTINGS: Record<string, (node: BinaryNode | undefined) => Setting> = {
  announcement: () => ({ isAnnouncement: true }),
  not_announcement: () => ({ isAnnouncement: false }),
  locked: () => ({ isLocked: true }),
  unlocked: () => ({ isLocked: false }),
  ephemeral: (node) => ({ ephemeral: Number(node?.attrs.expiration ?? 0) }),
  not_ephemeral: () => ({ ephemeral: 0 }),
  member_add_mode: (node) => ({ memberAddMode: textOf(node) === 'admin_add' ? 'admin_add' : 'all_member_add' }),
  member_link_mode: (node) => ({ memberLinkMode: textOf(node) === 'admin_link' ? 'admin_link' : 'all_member_link' }),
  membership_approval_mode: (node) => ({ needsApproval: child(node, 'group_join')?.attrs.state === 'on' }),
}

/** On and off. */
const SWITCHES = [
  ['no_frequently_forwarded', 'frequently_forwarded_ok'],
  ['allow_admin_reports', 'not_allow_admin_reports'],
  ['group_history', 'no_group_history'],
] as const

function create(world: World, login: Login, iq: BinaryNode): BinaryNode[] {
  const wish = child(iq, 'create')
  const subject = wish?.attrs.subject ?? ''
  checkSubject(subject)
  const asked = namesIn(wish)
  const settings = children(wish).flatMap((node) => SETTINGS[node.tag]?.(node) ?? [])
  const description = child(wish, 'description')
  const text = textOf(child(description, 'body'))
  const { group, outcomes } = world.post.commit(() => {
    const { id = world.newId(), t: _t } = description?.attrs ?? {}
    const written = { id, text, by: login.phone, at: world.clock.seconds() }
    const options = {
      ...Object.assign({}, ...settings),
      ...(text !== '' && { description: written }),
      subject,
      creator: login.phone,
      addressing: 'lid' as const,
    }
    return createGroup(world, options, asked, wish?.attrs.key)
  })
  // Those who could not be added are in the answer, and in no later one.
  const failed = outcomes.filter(({ code }) => code !== 200).map((outcome) => outcomeNode(group, outcome))
  const node = groupNode(world, group)
  return [el('group', node.attrs, [...children(node), ...failed])]
}

function query(world: World, login: Login, iq: BinaryNode): BinaryNode[] {
  const wish = child(iq, 'query')
  const ticket = child(wish, 'add_request')
  if (ticket) {
    return [groupNode(world, personallyInvited(world, login.phone, iq.attrs.to ?? '', ticket.attrs.code ?? ''))]
  }
  const several = children(wish, 'group')
  if (several.length === 0) return [groupNode(world, groupFor(world, iq.attrs.to, login.phone))]
  const nodes = several.map(({ attrs: { jid = '' } }) => {
    const group = world.groups.get(jid)
    const isIn = group && world.groups.members(jid).has(login.phone)
    return isIn ? groupNode(world, group) : el('group', { id: jid, error: group ? 403 : 404 })
  })
  return [el('groups', {}, nodes)]
}

function pictures(world: World, login: Login, iq: BinaryNode): BinaryNode[] {
  const nodes = children(child(iq, 'pictures'), 'picture').flatMap(({ attrs: { jid = '', type } }) => {
    const group = world.groups.get(jid)
    if (!group?.pictureHash || !world.groups.members(jid).has(login.phone)) return []
    const placed = world.pictures.find(group.pictureHash)
    if (!placed) return []
    return [el('picture', { jid, type, id: group.picture, url: placed.url, direct_path: placed.directPath })]
  })
  return [el('pictures', {}, nodes)]
}

function members(world: World, login: Login, iq: BinaryNode, action: MemberAction): BinaryNode {
  const asked = namesIn(child(iq, action))
  return change(world, login, iq, (group) => {
    const outcomes = changeMembers(world, group, login.phone, asked, action)
    const nodes = outcomes.map((outcome) => outcomeNode(group, outcome))
    return el(action, {}, nodes)
  })
}

function leave(world: World, login: Login, iq: BinaryNode): BinaryNode[] {
  const nodes = children(child(iq, 'leave'), 'group').map(({ attrs: { id = '' } }) => {
    const group = world.groups.get(id.includes('@') ? id : `${id}@g.us`)
    if (!group || !world.groups.members(group.id).has(login.phone)) return el('group', { id, error: 404 })
    world.post.commit(() => leaveGroup(world, group, login.phone))
    return el('group', { id })
  })
  return [el('leave', {}, nodes)]
}

/** A member changes the group that the query is addressed to, in one commit. */
function change<T>(world: World, login: Login, iq: BinaryNode, work: (group: GroupInfo) => T): T {
  const group = groupFor(world, iq.attrs.to, login.phone)
  return world.post.commit(() => work(group))
}

function namesIn(node: BinaryNode | undefined): string[] {
  return children(node, 'participant').map(({ attrs }) => attrs.jid ?? '')
}

function requestNode(world: World, group: GroupInfo, { phone, by, method, at }: JoinRequest): BinaryNode {
  const { attrs } = participantNode(group, world.accounts.require(phone))
  const requestor = by === phone ? undefined : participantNode(group, world.accounts.require(by)).attrs.jid
  return el('membership_approval_request', { ...attrs, request_method: method, request_time: at, requestor })
}
