import { proto } from '@whiskeysockets/baileys'
import { History, type HistoryType, type Part } from './history.ts'
import type { Login } from './login.ts'
import type { Past } from './past.ts'
import type { World } from './world.ts'

const { FULL, INITIAL_BOOTSTRAP, INITIAL_STATUS_V3, NON_BLOCKING_DATA, PUSH_NAME, RECENT } =
  proto.HistorySync.HistorySyncType

/** Messages in one part. */
const PER_PART = 500
/** A phone remembers more, but no more than that is told. */
const MOST = 50_000
/** What is older goes to companions alone that have asked for everything. */
const RECENT_MS = 90 * 86_400_000

/** What a phone sends a new companion by itself: the keys of the app state, then its history. Once per companion. */
export async function settleCompanion(world: World, login: Login): Promise<void> {
  const { phone, device } = login
  const registered = world.devices.get(phone, device)
  if (!registered || registered.isSettled) return
  world.appState.begin(world.accounts.require(phone))
  const compose = () => {
    const history = new History(world, world.accounts.require(phone))
    const parts = partsFor(world, history, phone, world.devices.wantsEverything(phone, device))
    return [world.appState.share(phone), ...parts.map((part) => history.notice(part))]
  }
  await world.handset(phone).tellCompanion(device, compose, () => world.devices.settle(phone, device))
}

/** The newest messages of all chats first, so that the companion can show something; then the rest, in parts. */
function partsFor(world: World, history: History, phone: string, isEverything: boolean): Part[] {
  const messages = history.kept(world.past.of(phone, { limit: MOST }))
  const first = messages.slice(-PER_PART)
  const rest = messages.slice(0, -PER_PART).reverse()
  const isRecent = ({ at }: Past) => at >= world.clock.now() - RECENT_MS
  return [
    {
      type: INITIAL_BOOTSTRAP,
      content: {
        conversations: history.conversations(first),
        phoneNumberToLidMappings: history.mappings(messages),
      },
      progress: 100,
      order: 1,
    },
    { type: PUSH_NAME, content: { pushnames: history.pushNames(messages) }, progress: 100, order: 1 },
    { type: NON_BLOCKING_DATA, content: {}, progress: 100, order: 1 },
    { type: INITIAL_STATUS_V3, content: {}, progress: 100, order: 1 },
    ...historyParts(history, RECENT, rest.filter(isRecent)),
    ...(isEverything
      ? historyParts(
          history,
          FULL,
          rest.filter((past) => !isRecent(past)),
        )
      : []),
  ]
}

/** Newest first; one part without anything when there are none, because clients wait for the last one. */
export function historyParts(history: History, type: HistoryType, newestFirst: readonly Past[]): Part[] {
  const count = Math.max(1, Math.ceil(newestFirst.length / PER_PART))
  return Array.from({ length: count }, (_, place) => {
    const messages = newestFirst.slice(place * PER_PART, (place + 1) * PER_PART).reverse()
    const progress = Math.floor(((place + 1) / count) * 100)
    return { type, content: { conversations: history.conversations(messages) }, progress, order: place + 1 }
  })
}
