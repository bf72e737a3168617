import { child, el } from '../stream/nodes.ts'
import { describeTimelock, toJson } from '../world/timelock.ts'
import type { World } from '../world/world.ts'
import type { Subject } from './registry.ts'

/** Queries are known by numbers, which change with the versions of clients: those of Baileys and whatsmeow. */
const REACHOUT_TIMELOCK = new Set(['23983697327930364', '9462376090546244'])

/** GraphQL inside a stanza. What is not known has no data, which is no error. */
export function mex(world: World): Subject {
  return {
    iqs: {
      'w:mex get query': ({ phone }, iq) => {
        const isTimelock = REACHOUT_TIMELOCK.has(child(iq, 'query')?.attrs.query_id ?? '')
        const account = world.accounts.require(phone)
        const data = isTimelock ? { xwa2_fetch_account_reachout_timelock: describeTimelock(world, account) } : {}
        return [el('result', {}, toJson({ data }))]
      },
    },
  }
}
