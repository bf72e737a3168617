import type { BinaryNode } from '@whiskeysockets/baileys'
import { bytesOf, child, el } from '../stream/nodes.ts'
import { parseJid, toJid } from '../world/jids.ts'
import type { Login } from '../world/login.ts'
import { nextPictureId, setPicture } from '../world/profile.ts'
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
  const viewer = world.accounts.require(login.phone)
  const account = world.accounts.byJid(iq.attrs.target ?? toJid(viewer, 'pn'))
  const asked = child(iq, 'picture')
  if (!account) throw new IqError(404, 'item-not-found')
  const mayLook =
    world.circle.allows(account.phone, 'profile', login.phone) && world.tokens.admits(viewer, account, asked)
  if (!mayLook) throw new IqError(401, 'not-authorized')
  const id = account.settings.picture
  if (!id) throw new IqError(404, 'item-not-found')
  // The client has this one already.
  if (asked?.attrs.id === id) return []
  const { type = 'image' } = asked?.attrs ?? {}
  const url = `http://${world.options.host}:${world.options.port}/pictures/${id}`
  return [el('picture', { id, type, url, direct_path: `/pictures/${id}` })]
}

/** The bytes are not kept. */
function change(world: World, login: Login, iq: BinaryNode, image: Buffer): BinaryNode[] {
  const target = iq.attrs.target ?? iq.attrs.to
  if (parseJid(target)?.kind === 'group') return [el('picture', { id: world.newId() })]
  const account = world.accounts.require(login.phone)
  if (iq.attrs.target !== undefined && world.accounts.byJid(target)?.phone !== login.phone) {
    throw new IqError(403, 'forbidden')
  }
  if (image.length === 0) {
    setPicture(world, login.phone, undefined)
    return []
  }
  const id = nextPictureId(world, account.settings.picture)
  setPicture(world, login.phone, id)
  return [el('picture', { id })]
}
