import type { BinaryNode } from '@whiskeysockets/baileys'
import { child, children, el, textOf } from '../stream/nodes.ts'
import type { Account } from '../world/accounts.ts'
import { parseJid, toJid } from '../world/jids.ts'
import type { Login } from '../world/login.ts'
import type { World } from '../world/world.ts'
import type { Subject } from './registry.ts'

/** The directory: who is on WhatsApp, with which devices, under which lid. */
export function usync(world: World): Subject {
  return {
    iqs: {
      'usync get usync': (login, iq) => {
        const query = child(iq, 'usync')
        const asked = children(child(query, 'query'))
        for (const { tag } of asked) if (!KNOWN.has(tag)) world.unknown.report(login.address, iq)
        const users = children(child(query, 'list'), 'user').map((user) => answerUser(world, login, user, asked))
        const result = el(
          'result',
          {},
          asked.map(({ tag }) => el(tag)),
        )
        return [el('usync', query?.attrs ?? {}, [result, el('list', {}, users)])]
      },
    },
  }
}

const KNOWN = new Set([
  'devices',
  'lid',
  'contact',
  'status',
  'disappearing_mode',
  'picture',
  'business',
  'username',
  'bot',
  'text_status',
  'sidelist',
])

function answerUser(world: World, login: Login, user: BinaryNode, asked: readonly BinaryNode[]): BinaryNode {
  const number = textOf(child(user, 'contact')).replace(/\D/g, '')
  const jid = user.attrs.jid ?? `${number}@s.whatsapp.net`
  const account = world.accounts.byJid(jid)
  if (!account) {
    // Not on WhatsApp.
    const content = asked.filter(({ tag }) => tag === 'contact').map(() => el('contact', { type: 'out' }, number))
    return el('user', { jid }, content)
  }
  const content = asked.flatMap(({ tag }) => answerProtocol(world, login, account, jid, tag, number))
  return el('user', { jid }, content)
}

function answerProtocol(
  world: World,
  login: Login,
  account: Account,
  jid: string,
  tag: string,
  number: string,
): BinaryNode[] {
  switch (tag) {
    case 'devices':
      world.devices.watch(account.phone, login.phone, login.device)
      return [deviceList(world, account)]
    case 'lid':
      // Asked under the lid itself, an answer would be taken for an invalid mapping.
      if (parseJid(jid)?.kind !== 'pn' || account.settings.lid === 'hidden') return []
      return [el('lid', { val: toJid(account, 'lid') })]
    case 'contact':
      return [el('contact', { type: 'in' }, number || account.phone)]
    case 'status':
      if (!world.circle.allows(account.phone, 'status', login.phone)) return [el('status', { code: 401, type: 'fail' })]
      return [el('status', { t: account.settings.aboutAt ?? 0 }, account.about)]
    case 'disappearing_mode':
      return [
        el('disappearing_mode', {
          duration: account.settings.disappearing ?? 0,
          t: account.settings.disappearingAt ?? 0,
        }),
      ]
    case 'picture': {
      const id = account.settings.picture
      return id && world.circle.allows(account.phone, 'profile', login.phone) ? [el('picture', { id })] : []
    }
    default:
      return []
  }
}

function deviceList(world: World, account: Account): BinaryNode {
  const companions = world.devices.of(account.phone)
  const list = [
    el('device', { id: 0 }),
    ...companions.map(({ device, keyIndex }) => el('device', { id: device, 'key-index': keyIndex })),
  ]
  const content = [el('device-list', {}, list)]
  if (companions.length > 0)
    content.push(el('key-index-list', { ts: world.clock.seconds() }, world.keyIndexes(account)))
  return el('devices', {}, content)
}
