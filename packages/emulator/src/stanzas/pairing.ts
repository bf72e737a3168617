import { child, el } from '../stream/nodes.ts'
import { parseJid } from '../world/jids.ts'
import type { World } from '../world/world.ts'
import { IqError, type Subject } from './registry.ts'

/** The end of a link. How it begins is in world/linking.ts, because there is no login yet then. */
export function pairing(world: World): Subject {
  return {
    iqs: {
      'md set remove-companion-device': (login, iq) => {
        const jid = child(iq, 'remove-companion-device')?.attrs.jid
        const device = parseJid(jid)?.device ?? 0
        if (world.accounts.byJid(jid)?.phone !== login.phone) throw new IqError(403, 'forbidden')
        unlink(world, login.phone, device)
        return []
      },
    },
  }
}

/**
 * Removes a companion, tells those who knew it, and ends its connection with the reason. What the account shares from
 * then on is written with a key that the companion never got.
 */
export function unlink(world: World, phone: string, device: number): boolean {
  const registered = world.devices.get(phone, device)
  if (!registered) return false
  world.post.commit(() => {
    world.devices.remove(phone, device)
    world.announceDevice(world.accounts.require(phone), 'remove', registered)
    for (const { id } of world.groups.of(phone)) world.groups.renewKeys(id)
    world.events.tell({ type: 'unlinked', phone, device })
  })
  const login = world.logins.get(`${phone}:${device}`)
  const removed = el('stream:error', { code: '401' }, [el('conflict', { type: 'device_removed' })])
  // After the result of the query, when the companion removed itself.
  if (login) setImmediate(() => login.connection.end(removed))
  world.appState.rotate(phone).catch((error: unknown) => {
    if (!world.isClosed) world.warn(`${phone} could not share a new key: ${String(error)}`)
  })
  return true
}
