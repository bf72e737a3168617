import { el } from '../stream/nodes.ts'
import type { Account } from './accounts.ts'
import { toJid } from './jids.ts'
import type { World } from './world.ts'

/** Inside a commit: offers a call to every companion of `callee`. Returns its id. Whoever is blocked rings nowhere. */
export function ring(world: World, caller: Account, callee: Account): string {
  const call = world.newId()
  if (world.circle.isBlocked(callee.phone, caller.phone)) return call
  const from = toJid(caller, 'pn')
  const offer = el('offer', { 'call-id': call, 'call-creator': from, caller_pn: from }, [
    el('audio', { enc: 'opus', rate: 16_000 }),
  ])
  world.queueToAll(callee.phone, el('call', { from, id: world.newId(), t: world.clock.seconds() }, [offer]))
  return call
}
