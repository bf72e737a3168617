import { children } from '../stream/nodes.ts'
import type { Login } from '../world/login.ts'
import { settleCompanion } from '../world/settling.ts'
import type { World } from '../world/world.ts'
import type { Presences } from './presences.ts'
import type { Subject } from './registry.ts'

/** Staying connected: asking for one's mail, pings, and remarks that need no answer. */
export function session(world: World, presences: Presences): Subject {
  return {
    iqs: {
      'w:p get': () => [],
      'w:p get ping': () => [],
      'passive set active': (login) => {
        // The mail comes after the result of this query, which is sent when the handler is through.
        setImmediate(() => activate(world, presences, login))
        return []
      },
      'passive set passive': () => [],
      'urn:xmpp:whatsapp:dirty set clean': () => [],
      'w:stats set': () => [],
      'w:stats get': () => [],
      'tos get': () => [],
      'tos set': () => [],
    },
    stanzas: {
      ib: (login, node) => {
        const known = ['unified_session', 'offline_batch', 'telemetry', 'client_expiration', 'offline']
        if (children(node).some(({ tag }) => !known.includes(tag))) world.unknown.report(login.address, node)
      },
    },
  }
}

/** Hands a login its mail; a new companion then gets the phone's first words. */
export function activate(world: World, presences: Presences, login: Login): void {
  if (login.isActive) return
  login
    .activate()
    .then(() => settleCompanion(world, login))
    .then(() => {
      presences.arrived(login)
      world.announceLogin(login)
    })
    .catch((error: unknown) => {
      // It comes back and asks again; without that it would wait for mail that nobody sends any more.
      if (!world.isClosed) login.connection.fail(error)
    })
}
