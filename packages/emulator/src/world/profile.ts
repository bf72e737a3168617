import { createHash } from 'node:crypto'
import type { BinaryNode } from '@whiskeysockets/baileys'
import { el } from '../stream/nodes.ts'
import type { Account, Settings } from './accounts.ts'
import type { PrivacyName } from './circle.ts'
import { toJid } from './jids.ts'
import type { World } from './world.ts'

/**
 * What accounts show and decide of themselves. Changed here, by a companion or by the person, and told in the same commit:
 * to those who have the account in their address book and may see it, and to its own companions except the one that made
 * the change.
 */

export function setAbout(world: World, phone: string, about: string): void {
  world.post.commit(() => {
    const account = world.accounts.update(phone, { about, settings: settingsWith(world, phone, aboutNow(world)) })
    const notice = world.notification('status', toJid(account, 'pn'), [el('set', {}, about)], {
      notify: account.name ?? account.phone,
    })
    tellOthers(world, account, 'status', notice)
  })
}

/**
 * Without an image the picture is taken away. The companion that did it is told too: clients wait for that. Returns the id
 * of the new one.
 */
export function setPicture(world: World, phone: string, image: Uint8Array | undefined): string | undefined {
  return world.post.commit(() => {
    const { picture: old, pictureHash: _hash, ...rest } = world.accounts.require(phone).settings
    const shown = image && { picture: nextPictureId(world, old), pictureHash: world.pictures.keep(image) }
    const account = world.accounts.update(phone, { settings: { ...rest, ...shown } })
    const jid = toJid(account, 'pn')
    const content = shown ? el('set', { jid, id: shown.picture, author: jid }) : el('delete', { jid, author: jid })
    const notice = world.notification('picture', jid, [content])
    tellOthers(world, account, 'profile', notice)
    world.queueToAll(phone, notice)
    return shown?.picture
  })
}

/** Pictures have ever growing numbers, by which clients see that theirs is old. */
export function nextPictureId(world: World, old: string | undefined): string {
  return String(Math.max(world.clock.now(), Number(old ?? 0) + 1))
}

export function setBlocked(world: World, phone: string, other: string, isBlocked: boolean, by?: number): void {
  const account = world.accounts.require(other)
  if (world.circle.isBlocked(phone, other) === isBlocked) return
  world.post.commit(() => {
    const before = blocklistHash(world, phone)
    world.circle.setBlocked(phone, other, isBlocked)
    const item = el('item', { jid: toJid(account, 'lid'), action: isBlocked ? 'block' : 'unblock' })
    const attrs = { action: 'modify', prev_dhash: before, dhash: blocklistHash(world, phone) }
    tellOwn(world, phone, el('blocklist', attrs, [item]), by)
  })
}

export function setPrivacy(
  world: World,
  phone: string,
  change: { name: string; value: string; exceptions?: readonly string[] },
  by?: number,
): void {
  const { name, value, exceptions } = change
  world.post.commit(() => {
    world.circle.setPrivacy(phone, name, value)
    if (exceptions) world.circle.setExceptions(phone, name, exceptions)
    tellOwn(world, phone, el('privacy', {}, [el('category', { name, value })]), by)
  })
}

/** How long chats that others begin with this account last, in seconds; 0 is for ever. */
export function setDisappearing(world: World, phone: string, duration: number, by?: number): void {
  const t = world.clock.seconds()
  world.post.commit(() => {
    world.accounts.update(phone, {
      settings: settingsWith(world, phone, { disappearing: duration, disappearingAt: t }),
    })
    tellOwn(world, phone, el('disappearing_mode', { duration, t }), by)
  })
}

/** `issuer` lets `holder` turn to it. All companions of the holder are told; `at` in seconds. */
export function giveToken(world: World, issuer: string, holder: string, at: number): void {
  const [from, to] = [world.accounts.require(issuer), world.accounts.require(holder)]
  world.post.commit(() => {
    const token = world.tokens.issue(issuer, holder, at)
    for (const { device } of world.devices.of(holder)) {
      const node = el('token', { type: 'trusted_contact', t: at, jid: toJid(to, 'pn', device) }, token)
      const notice = world.notification('privacy_token', toJid(from, 'pn'), [el('tokens', {}, [node])], {
        sender_lid: toJid(from, 'lid'),
      })
      world.post.queue(holder, device, notice)
    }
  })
}

/** Clients compare it with that of the list they know. */
export function blocklistHash(world: World, phone: string): string {
  return hashOf(world.circle.blockedBy(phone))
}

/** A name for a list of people, in whatever order. */
export function hashOf(list: readonly string[]): string {
  if (list.length === 0) return 'none'
  return `2:${createHash('sha256')
    .update([...list].sort().join())
    .digest('base64url')
    .slice(0, 24)}`
}

function aboutNow(world: World): Settings {
  return { aboutAt: world.clock.seconds() }
}

function settingsWith(world: World, phone: string, change: Settings): Settings {
  return { ...world.accounts.require(phone).settings, ...change }
}

function tellOthers(world: World, account: Account, name: PrivacyName, notice: BinaryNode): void {
  for (const { phone } of world.accounts.all('phone')) {
    if (phone === account.phone || !world.circle.mayHaveSaved(phone, account.phone)) continue
    if (world.circle.allows(account.phone, name, phone)) world.queueToAll(phone, notice)
  }
}

function tellOwn(world: World, phone: string, content: BinaryNode, by: number | undefined): void {
  const from = toJid(world.accounts.require(phone), 'pn')
  world.queueToAll(phone, world.notification('account_sync', from, [content]), by)
}
