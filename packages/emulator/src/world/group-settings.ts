import type { BinaryNode } from '@whiskeysockets/baileys'
import { versionId } from '../stanzas/group-nodes.ts'
import { IqError } from '../stanzas/iq-error.ts'
import { el } from '../stream/nodes.ts'
import { tellAdmins, tellMembers } from './group-notices.ts'
import { LONGEST_DESCRIPTION, LONGEST_SUBJECT, requireAdmin, requireEditor, requireLinkKeeper } from './group-rules.ts'
import type { GroupInfo } from './groups.ts'
import { other, toJid } from './jids.ts'
import { nextPictureId } from './profile.ts'
import type { World } from './world.ts'

/** Inside a commit, as all here. */
export function rename(world: World, group: GroupInfo, by: string, subject: string): void {
  requireEditor(world, group, by)
  checkSubject(subject)
  const at = world.clock.seconds()
  world.groups.update(group.id, { subject, subjectBy: by, subjectAt: at })
  const author = world.accounts.require(by)
  const owner = { s_o: toJid(author, group.addressing), s_o_pn: toJid(author, 'pn') }
  tellMembers(world, group, by, el('subject', { subject, s_t: at, ...owner }))
}

export function checkSubject(subject: string): void {
  if (subject === '' || [...subject].length > LONGEST_SUBJECT) {
    throw new IqError(406, 'not-acceptable', `A subject has 1 to ${LONGEST_SUBJECT} letters.`)
  }
}

/**
 * An empty text removes the description. `previous` is the id of the one that the writer saw: when another one is
 * there by now, theirs would be overwritten unread, and the change is refused with 409.
 */
export function describe(
  world: World,
  group: GroupInfo,
  by: string,
  text: string,
  id = world.newId().toUpperCase(),
  previous?: string,
): void {
  requireEditor(world, group, by)
  if ([...text].length > LONGEST_DESCRIPTION) {
    throw new IqError(406, 'not-acceptable', `A description has no more than ${LONGEST_DESCRIPTION} letters.`)
  }
  if (previous !== undefined && previous !== group.description?.id) {
    throw new IqError(409, 'conflict', `Somebody else has changed the description of ${group.id}.`)
  }
  const { description: _old, ...rest } = group
  world.groups.replace(text === '' ? rest : { ...rest, description: { id, text, by, at: world.clock.seconds() } })
  const body = text === '' ? el('delete') : el('body', {}, Buffer.from(text))
  tellMembers(world, group, by, el('description', { id }, [body]))
}

export function resetInvite(world: World, group: GroupInfo, by: string): string {
  requireLinkKeeper(world, group, by)
  const { invite } = world.groups.resetInvite(group.id)
  // Only to those who may see it.
  const content = el('invite', { code: invite })
  if (group.memberLinkMode === 'admin_link') tellAdmins(world, group, by, content)
  else tellMembers(world, group, by, content)
  return invite
}

/** What can be set with one tag; each is told to the members with the tag that set it. */
export type Setting = Partial<
  Pick<
    GroupInfo,
    'isAnnouncement' | 'isLocked' | 'needsApproval' | 'memberAddMode' | 'memberLinkMode' | 'ephemeral' | 'switches'
  >
>

export function setting(world: World, group: GroupInfo, by: string, change: Setting, tag?: string): GroupInfo {
  if ('ephemeral' in change) requireEditor(world, group, by)
  else requireAdmin(world, group, by)
  const { versions } = group
  const counted =
    change.isAnnouncement === undefined ? {} : { versions: { ...versions, announcement: versions.announcement + 1 } }
  const next = world.groups.update(group.id, { ...change, ...counted })
  for (const content of tag === undefined ? settingNotices(next, change) : [el(tag)]) {
    tellMembers(world, group, by, content)
  }
  return next
}

function settingNotices(group: GroupInfo, change: Setting): BinaryNode[] {
  const nodes: BinaryNode[] = []
  if (change.isAnnouncement !== undefined) {
    const tag = change.isAnnouncement ? 'announcement' : 'not_announcement'
    nodes.push(el(tag, { v_id: versionId(group, group.versions.announcement) }))
  }
  if (change.isLocked !== undefined) nodes.push(el(change.isLocked ? 'locked' : 'unlocked'))
  if (change.ephemeral !== undefined) {
    nodes.push(change.ephemeral === 0 ? el('not_ephemeral') : el('ephemeral', { expiration: change.ephemeral }))
  }
  if (change.memberAddMode) nodes.push(el('member_add_mode', {}, change.memberAddMode))
  if (change.memberLinkMode) nodes.push(el('member_link_mode', {}, change.memberLinkMode))
  if (change.needsApproval !== undefined) {
    const state = change.needsApproval ? 'on' : 'off'
    nodes.push(el('membership_approval_mode', {}, [el('group_join', { state })]))
  }
  return nodes
}

/** A JPEG; undefined takes the picture away. Returns the id of the new one, empty when it was taken away. */
export function setPicture(world: World, group: GroupInfo, by: string, image: Uint8Array | undefined): string {
  requireEditor(world, group, by)
  const { pictureHash: _old, ...rest } = group
  const picture = image ? nextPictureId(world, group.picture || undefined) : ''
  world.groups.replace({ ...rest, picture, ...(image && { pictureHash: world.pictures.keep(image) }) })
  const author = world.accounts.require(by)
  const names = { jid: group.id, author: toJid(author, group.addressing) }
  const content = picture === '' ? el('delete', names) : el('set', { ...names, id: picture })
  const more = {
    participant: names.author,
    [group.addressing === 'lid' ? 'participant_pn' : 'participant_lid']: toJid(author, other(group.addressing)),
    notify: author.name ?? author.phone,
  }
  for (const phone of world.groups.members(group.id).keys()) {
    world.queueToAll(phone, world.notification('picture', group.id, [content], more))
  }
  return picture
}
