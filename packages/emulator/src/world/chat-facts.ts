import type { proto } from '@whiskeysockets/baileys'
import type { Accounts } from './accounts.ts'
import type { StateAction } from './app-state.ts'
import type { Past } from './past.ts'

/** What the shared state says of a chat, in the words of a history. */
export interface ChatState extends Pick<proto.IConversation, 'archived' | 'pinned' | 'muteEndTime' | 'markedAsUnread'> {
  /** From the address book. */
  readonly name?: string
}

export interface ChatFacts {
  of(chat: string): ChatState
  isDeleted(past: Past): boolean
  isStarred(past: Past): boolean
}

/** Reads the shared state of an account the way a phone applies it to its chats. */
export function chatFacts(accounts: Accounts, actions: readonly StateAction[]): ChatFacts {
  const chats = new Map<string, ChatState>()
  const emptied = new Map<string, number>()
  const [deleted, starred] = [new Set<string>(), new Set<string>()]
  const keyOf = (jid: string) => accounts.byJid(jid)?.phone ?? jid
  for (const { index, value } of actions) {
    const [kind, jid = '', id = ''] = index
    const chat = keyOf(jid)
    const at = Number(value.timestamp ?? 0)
    if (kind === 'deleteChat' || kind === 'clearChat') emptied.set(chat, Math.max(at, emptied.get(chat) ?? 0))
    else if (kind === 'deleteMessageForMe') deleted.add(`${chat} ${id}`)
    else if (value.starAction?.starred) starred.add(`${chat} ${id}`)
    else chats.set(chat, { ...chats.get(chat), ...stateIn(value, at) })
  }
  return {
    of: (chat) => chats.get(chat) ?? {},
    isDeleted: ({ chat, id, at }) => at <= (emptied.get(chat) ?? -1) || deleted.has(`${chat} ${id}`),
    isStarred: ({ chat, id }) => starred.has(`${chat} ${id}`),
  }
}

function stateIn(value: proto.ISyncActionValue, at: number): ChatState {
  const { archiveChatAction, contactAction, markChatAsReadAction, muteAction, pinAction } = value
  return {
    ...(archiveChatAction?.archived && { archived: true }),
    ...(pinAction?.pinned && { pinned: Math.floor(at / 1000) }),
    ...(muteAction?.muted && { muteEndTime: muteAction.muteEndTimestamp ?? -1 }),
    ...(markChatAsReadAction?.read === false && { markedAsUnread: true }),
    ...(contactAction?.fullName && { name: contactAction.fullName }),
  }
}
