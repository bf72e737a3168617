import type { BinaryNode } from '@whiskeysockets/baileys'
import { bytesOf, child, el } from '../stream/nodes.ts'
import type { Settings } from '../world/accounts.ts'
import { groupFor } from '../world/group-rules.ts'
import { setPicture as setGroupPicture } from '../world/group-settings.ts'
import { parseJid, toJid } from '../world/jids.ts'
import type { Login } from '../world/login.ts'
import { setPicture } from '../world/profile.ts'
import type { World } from '../world/world.ts'
import { IqError, type Subject } from './registry.ts'

/** Profile pictures: set, taken away, asked for. The same id stands for the small and the large one. */
export function pictures(world: World): Subject {
  return {
    iqs: {
      'w:profile:picture get picture': (login, iq) => askFor(world, login, iq),
      'w:profile:picture set picture': (login, iq) => change(world, login, iq, bytesOf(child(iq, 'picture'))),
      'w:profile:picture set': (login, iq) => change(world, login, iq, Buffer.alloc(0)),
    },
  }
}

function askFor(world: World, login: Login, iq: BinaryNode): BinaryNode[] {
  const asked = child(iq, 'picture')
  const { picture, pictureHash } = pictureOf(world, login, iq.attrs.target, asked)
  const placed = pictureHash === undefined ? undefined : world.pictures.find(pictureHash)
  if (!picture || !placed) throw new IqError(404, 'item-not-found')
  // The client has this one already.
  if (asked?.attrs.id === picture) return []
  const { type = 'image' } = asked?.attrs ?? {}
  return [el('picture', { id: picture, type, url: placed.url, direct_path: placed.directPath })]
}

/** The picture of a person, or of a group for those who are in it. */
function pictureOf(
  world: World,
  login: Login,
  target: string | undefined,
  asked: BinaryNode | undefined,
): Pick<Settings, 'picture' | 'pictureHash'> {
  if (parseJid(target)?.kind === 'group') return groupFor(world, target, login.phone)
  const viewer = world.accounts.require(login.phone)
  const account = world.accounts.byJid(target ?? toJid(viewer, 'pn'))
  if (!account) throw new IqError(404, 'item-not-found')
  const mayLook =
    world.circle.allows(account.phone, 'profile', login.phone) && world.tokens.admits(viewer, account, asked)
  if (!mayLook) throw new IqError(401, 'not-authorized')
  return account.settings
}

function change(world: World, login: Login, iq: BinaryNode, image: Buffer): BinaryNode[] {
  const target = iq.attrs.target ?? iq.attrs.to
  if (parseJid(target)?.kind === 'group') return changeGroup(world, login, target, image)
  if (iq.attrs.target !== undefined && world.accounts.byJid(target)?.phone !== login.phone) {
    throw new IqError(403, 'forbidden')
  }
  const id = setPicture(world, login.phone, image.length === 0 ? undefined : image)
  return id === undefined ? [] : [el('picture', { id })]
}

function changeGroup(world: World, login: Login, target: string | undefined, image: Buffer): BinaryNode[] {
  const group = groupFor(world, target, login.phone)
  const id = world.post.commit(() => {
    return setGroupPicture(world, group, login.phone, image.length === 0 ? undefined : image)
  })
  return id === '' ? [] : [el('picture', { id })]
}
