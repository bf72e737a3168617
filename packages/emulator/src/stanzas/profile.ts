import type { BinaryNode } from '@whiskeysockets/baileys'
import { bytesOf, child, children, el, textOf } from '../stream/nodes.ts'
import type { Settings } from '../world/accounts.ts'
import { parseJid, toJid } from '../world/jids.ts'
import type { Login } from '../world/login.ts'
import type { World } from '../world/world.ts'
import { IqError, type Subject } from './registry.ts'

const PRIVACY_DEFAULTS: Record<string, string> = {
  readreceipts: 'all',
  profile: 'all',
  status: 'all',
  online: 'all',
  last: 'all',
  groupadd: 'all',
  calladd: 'all',
  messages: 'all',
  defense: 'off',
}

/** An account's own settings, its public face, and the server's switches. */
export function profile(world: World): Subject {
  return {
    iqs: {
      'abt get props': () => [el('props', { hash: 'emulator', refresh: 86_400, ab_key: 'emulator', protocol: 1 }, [])],
      'w get props': () => [el('props', { hash: 'emulator', refresh: 86_400, protocol: 2 }, [])],
      'blocklist get': ({ phone }) => [
        el(
          'list',
          {},
          blockedBy(world, phone).map((jid) => el('item', { jid })),
        ),
      ],
      'blocklist set item': ({ phone }, iq) => {
        const { action, jid = '' } = child(iq, 'item')?.attrs ?? {}
        const rest = blockedBy(world, phone).filter((blocked) => blocked !== jid)
        change(world, phone, { blocked: action === 'block' ? [...rest, jid] : rest })
        return [
          el(
            'list',
            {},
            blockedBy(world, phone).map((blocked) => el('item', { jid: blocked })),
          ),
        ]
      },
      'privacy get privacy': ({ phone }) => {
        const values = { ...PRIVACY_DEFAULTS, ...world.accounts.require(phone).settings.privacy }
        return [
          el(
            'privacy',
            {},
            Object.entries(values).map(([name, value]) => el('category', { name, value })),
          ),
        ]
      },
      'privacy set privacy': ({ phone }, iq) => {
        const privacy = { ...world.accounts.require(phone).settings.privacy }
        for (const { attrs } of children(child(iq, 'privacy'), 'category'))
          privacy[attrs.name ?? ''] = attrs.value ?? ''
        change(world, phone, { privacy })
        return []
      },
      'privacy set tokens': (login, iq) => passTokens(world, login, iq),
      'disappearing_mode get': ({ phone }) => {
        const duration = world.accounts.require(phone).settings.disappearing ?? 0
        return [el('disappearing_mode', { duration, t: 0 })]
      },
      'disappearing_mode set disappearing_mode': ({ phone }, iq) => {
        change(world, phone, { disappearing: Number(child(iq, 'disappearing_mode')?.attrs.duration ?? 0) })
        return []
      },
      'status set status': ({ phone }, iq) => {
        world.accounts.update(phone, { about: textOf(child(iq, 'status')) })
        return []
      },
      'w:profile:picture get picture': (login, iq) => {
        const target = iq.attrs.target ?? toJid(world.accounts.require(login.phone), 'pn')
        const id = world.accounts.byJid(target)?.settings.picture
        if (!id) throw new IqError(404, 'item-not-found')
        const { type = 'image' } = child(iq, 'picture')?.attrs ?? {}
        const url = `http://${world.options.host}:${world.options.port}/pictures/${id}`
        return [el('picture', { id, type, url, direct_path: `/pictures/${id}` })]
      },
      'w:profile:picture set picture': (login, iq) => {
        const hasImage = bytesOf(child(iq, 'picture')).length > 0
        return setPicture(world, login, iq, hasImage)
      },
      'w:profile:picture set': (login, iq) => setPicture(world, login, iq, false),
      'w:mex get query': () => [el('result', {}, Buffer.from('{"data":{}}'))],
      'w:biz get': (_login, iq) => children(iq).map(({ tag }) => el(tag)),
      'bot get': () => [el('bot', { v: '2' })],
    },
  }
}

function blockedBy(world: World, phone: string): string[] {
  return world.accounts.require(phone).settings.blocked ?? []
}

function change(world: World, phone: string, settings: Settings): void {
  world.accounts.update(phone, { settings: { ...world.accounts.require(phone).settings, ...settings } })
}

/** A picture is an id here: the bytes are not kept. Those who know the account are told, the setter included. */
function setPicture(world: World, login: Login, iq: BinaryNode, hasImage: boolean): BinaryNode[] {
  const target = iq.attrs.target ?? iq.attrs.to
  if (parseJid(target)?.kind === 'group') return [el('picture', { id: world.newId() })]
  const id = hasImage ? String(world.clock.now()) : ''
  change(world, login.phone, { picture: id })
  const jid = toJid(world.accounts.require(login.phone), 'pn')
  const content = hasImage ? el('set', { jid, id, author: jid }) : el('delete', { jid, author: jid })
  world.post.commit(() => {
    const listeners = world.devices.watchersOf(login.phone).filter(({ phone }) => phone !== login.phone)
    for (const { phone, device } of listeners) {
      if (world.devices.get(phone, device))
        world.post.queue(phone, device, world.notification('picture', jid, [content]))
    }
    world.queueToAll(login.phone, world.notification('picture', jid, [content]))
  })
  return hasImage ? [el('picture', { id })] : []
}

/** A token that lets the other side write to us: handed to all their companions. */
function passTokens(world: World, login: Login, iq: BinaryNode): BinaryNode[] {
  const sender = world.accounts.require(login.phone)
  world.post.commit(() => {
    for (const { attrs } of children(child(iq, 'tokens'), 'token')) {
      const receiver = world.accounts.byJid(attrs.jid)
      if (!receiver) continue
      for (const { device } of world.devices.of(receiver.phone)) {
        const { t, type = 'trusted_contact' } = attrs
        const token = el('token', { type, t, jid: toJid(receiver, 'pn', device) }, Buffer.from(world.newId()))
        const from = toJid(sender, 'pn')
        const more = { sender_lid: toJid(sender, 'lid') }
        const note = world.notification('privacy_token', from, [el('tokens', {}, [token])], more)
        world.post.queue(receiver.phone, device, note)
      }
    }
  })
  return []
}
