import type { BinaryNode } from '@whiskeysockets/baileys'
import { child, children, el } from '../stream/nodes.ts'
import { isPrivacyName } from '../world/circle.ts'
import { toJid } from '../world/jids.ts'
import type { Login } from '../world/login.ts'
import { blocklistHash, giveToken, hashOf, setBlocked, setPrivacy } from '../world/profile.ts'
import type { World } from '../world/world.ts'
import { IqError, type Subject } from './registry.ts'

/** Who may see and do what with an account: privacy settings, blocked people, tokens for trusted contacts. */
export function privacy(world: World): Subject {
  return {
    iqs: {
      'privacy get privacy': ({ phone }, iq) => {
        const list = child(child(iq, 'privacy'), 'list')
        if (list) return [el('privacy', {}, [exceptionList(world, phone, list)])]
        const values = Object.entries(world.circle.privacyOf(phone))
        const categories = values.map(([name, value]) =>
          el('category', { name, value, ...hashAttr(world, phone, name) }),
        )
        return [el('privacy', {}, categories)]
      },
      'privacy set privacy': (login, iq) => {
        const categories = children(child(iq, 'privacy'), 'category')
        return [
          el(
            'privacy',
            {},
            categories.map((category) => changeCategory(world, login, category)),
          ),
        ]
      },
      'privacy set tokens': (login, iq) => {
        for (const { attrs } of children(child(iq, 'tokens'), 'token')) {
          const receiver = world.accounts.byJid(attrs.jid)
          const at = Number(attrs.t ?? world.clock.seconds())
          if (receiver && receiver.phone !== login.phone) giveToken(world, login.phone, receiver.phone, at)
        }
        return []
      },
      'blocklist get': ({ phone }) => [blocklist(world, phone)],
      'blocklist set item': (login, iq) => {
        const { action, jid } = child(iq, 'item')?.attrs ?? {}
        const other = world.accounts.byJid(jid)
        if (!other || other.phone === login.phone) throw new IqError(400, 'bad-request')
        setBlocked(world, login.phone, other.phone, action === 'block', login.device)
        return [blocklist(world, login.phone)]
      },
    },
  }
}

function blocklist(world: World, phone: string): BinaryNode {
  const items = world.circle.blockedBy(phone).flatMap((blocked) => {
    const account = world.accounts.get(blocked)
    return account ? [el('item', { jid: toJid(account, 'lid') })] : []
  })
  return el('list', { addressing_mode: 'lid', dhash: blocklistHash(world, phone) }, items)
}

/** A change names the people to leave out one by one, on top of a list that the client names by its hash. */
function changeCategory(world: World, login: Login, category: BinaryNode): BinaryNode {
  const { name = '', value = '', dhash } = category.attrs
  if (!isPrivacyName(name)) throw new IqError(400, 'bad-request')
  const users = children(category, 'user')
  const known = world.circle.exceptionsOf(login.phone, name)
  if (users.length > 0 && dhash !== undefined && dhash !== hashOf(known)) throw new IqError(409, 'conflict')
  const exceptions = new Set(known)
  for (const { attrs } of users) {
    const other = world.accounts.byJid(attrs.jid) ?? world.accounts.byJid(attrs.pn_jid)
    if (other && attrs.action === 'remove') exceptions.delete(other.phone)
    else if (other) exceptions.add(other.phone)
  }
  setPrivacy(world, login.phone, { name, value, exceptions: [...exceptions] }, login.device)
  return el('category', { name, value, ...hashAttr(world, login.phone, name) })
}

function exceptionList(world: World, phone: string, asked: BinaryNode): BinaryNode {
  const { name = '', value = 'contact_blacklist' } = asked.attrs
  const exceptions = world.circle.exceptionsOf(phone, name)
  const users = exceptions.flatMap((other) => {
    const account = world.accounts.get(other)
    return account ? [el('user', { jid: toJid(account, 'lid'), pn_jid: toJid(account, 'pn') })] : []
  })
  return el('list', { name, value, dhash: hashOf(exceptions) }, users)
}

function hashAttr(world: World, phone: string, name: string): { dhash?: string } {
  const exceptions = world.circle.exceptionsOf(phone, name)
  return exceptions.length === 0 ? {} : { dhash: hashOf(exceptions) }
}
