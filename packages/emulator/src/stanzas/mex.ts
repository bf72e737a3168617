import { child, el } from '../stream/nodes.ts'
import { describeTimelock, toJson } from '../world/timelock.ts'
import type { World } from '../world/world.ts'
import type { Subject } from './registry.ts'

/** Queries are known by numbers, which change with the versions of clients: those of Baileys and whatsmeow. */
const REACHOUT_TIMELOCK = new Set(['23983697327930364', '9462376090546244'])

/** GraphQL inside a stanza. A query that nobody taught the emulator is reported, and answered with an error in its JSON. */
export function mex(world: World): Subject {
  return {
    iqs: {
      'w:mex get query': (login, iq) => {
        if (!REACHOUT_TIMELOCK.has(child(iq, 'query')?.attrs.query_id ?? '')) {
          world.unknown.report(login.address, iq)
          return [el('result', {}, toJson(UNKNOWN))]
        }
        const account = world.accounts.require(login.phone)
        const data = { xwa2_fetch_account_reachout_timelock: describeTimelock(world, account) }
        return [el('result', {}, toJson({ data }))]
      },
    },
  }
}

const UNKNOWN = {
  data: null,
  errors: [{ message: 'feature-not-implemented', extensions: { error_code: 501, is_retryable: false } }],
}
