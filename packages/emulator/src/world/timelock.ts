import { el, SERVER } from '../stream/nodes.ts'
import type { Account } from './accounts.ts'
import type { World } from './world.ts'

/** A reach-out timelock: the account may go on with its chats, and begin none. Names are those of Baileys and whatsmeow. */
export interface Timelock {
  /** When it ends, in ms; without it when it is lifted. */
  readonly until?: number
  /** Why: `DEFAULT`, `WEB_COMPANION_ONLY`, `BIZ_QUALITY`, … */
  readonly type?: string
}

/** Restricts an account, or lifts that: its companions are told. */
export function setTimelock(world: World, phone: string, lock: Timelock | undefined): void {
  const { timelock: _old, ...settings } = world.accounts.require(phone).settings
  world.post.commit(() => {
    const account = world.accounts.update(phone, { settings: lock ? { ...settings, timelock: lock } : settings })
    const data = { xwa2_notify_account_reachout_timelock: describeTimelock(world, account) }
    const update = el('update', { op_name: 'NotificationUserReachoutTimelockUpdate' }, toJson({ data }))
    world.queueToAll(phone, world.notification('mex', SERVER, [update]))
  })
}

/** Whether the server refuses to let `sender` begin a chat: whoever has written to it before may be answered. */
export function isTimelocked(world: World, sender: Account, receiver: Account): boolean {
  if (!isActive(world, sender) || sender.phone === receiver.phone) return false
  return !world.tokens.isHeld(receiver.phone, sender.phone)
}

/** As the query for it is answered. */
export function describeTimelock(world: World, account: Account) {
  if (!isActive(world, account)) return { is_active: false }
  const { until, type = 'DEFAULT' } = account.settings.timelock ?? {}
  return {
    is_active: true,
    ...(until !== undefined && { time_enforcement_ends: String(Math.floor(until / 1000)) }),
    enforcement_type: type,
  }
}

function isActive(world: World, { settings: { timelock } }: Account): boolean {
  return timelock !== undefined && (timelock.until ?? Number.POSITIVE_INFINITY) > world.clock.now()
}

export function toJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}
