import type { proto } from '@whiskeysockets/baileys'
import type { StateChange } from './app-state.ts'

// Collections, first words of the index and versions as the apps write them; learnt from Baileys and whatsmeow.

/** Which messages of a chat an action covers: all up to the newest one. */
export type Range = proto.SyncActionValue.ISyncActionMessageRange

/** The message that an action is about. */
export interface MessageName {
  readonly chatJid: string
  readonly id: string
  readonly isFromMe: boolean
  /** Who wrote it, in a group. */
  readonly participant?: string
}

export function pins(chat: string, isPinned: boolean): StateChange {
  return { collection: 'regular_low', index: ['pin_v1', chat], value: { pinAction: { pinned: isPinned } }, version: 5 }
}

/** `until` in ms; -1 for good; undefined: no longer. */
export function mutes(chat: string, until: number | undefined): StateChange {
  const muteAction = until === undefined ? { muted: false } : { muted: true, muteEndTimestamp: until }
  return { collection: 'regular_high', index: ['mute', chat], value: { muteAction }, version: 2 }
}

export function archives(chat: string, isArchived: boolean, messageRange: Range): StateChange {
  const value = { archiveChatAction: { archived: isArchived, messageRange } }
  return { collection: 'regular_low', index: ['archive', chat], value, version: 3 }
}

export function marksRead(chat: string, isRead: boolean, messageRange: Range): StateChange {
  const value = { markChatAsReadAction: { read: isRead, messageRange } }
  return { collection: 'regular_low', index: ['markChatAsRead', chat], value, version: 3 }
}

export function clearsChat(chat: string, messageRange: Range): StateChange {
  // Starred messages too, media too.
  const index = ['clearChat', chat, '1', '0']
  return { collection: 'regular_high', index, value: { clearChatAction: { messageRange } }, version: 6 }
}

export function deletesChat(chat: string, messageRange: Range): StateChange {
  const value = { deleteChatAction: { messageRange } }
  return { collection: 'regular_high', index: ['deleteChat', chat, '1'], value, version: 6 }
}

export function stars(message: MessageName, isStarred: boolean): StateChange {
  const value = { starAction: { starred: isStarred } }
  return { collection: 'regular_high', index: ['star', ...naming(message)], value, version: 2 }
}

export function deletesForMe(message: MessageName, messageTimestamp: number): StateChange {
  const value = { deleteMessageForMeAction: { deleteMedia: false, messageTimestamp } }
  return { collection: 'regular_high', index: ['deleteMessageForMe', ...naming(message)], value, version: 3 }
}

/** An entry of the address book; without a name it is taken out. */
export function namesContact(jid: string, lidJid: string, fullName: string | undefined): StateChange {
  const action = { collection: 'critical_unblock_low', index: ['contact', jid], version: 2 } as const
  if (fullName === undefined) return { ...action, value: {}, operation: 'remove' }
  const [firstName = fullName] = fullName.split(' ')
  return { ...action, value: { contactAction: { fullName, firstName, lidJid, saveOnPrimaryAddressbook: true } } }
}

/** How the account calls itself towards others. */
export function namesItself(name: string): StateChange {
  const value = { pushNameSetting: { name } }
  return { collection: 'critical_block', index: ['setting_pushName'], value, version: 1 }
}

export function speaks(locale: string): StateChange {
  return { collection: 'critical_block', index: ['setting_locale'], value: { localeSetting: { locale } }, version: 3 }
}

function naming({ chatJid, id, isFromMe, participant }: MessageName): string[] {
  return [chatJid, id, isFromMe ? '1' : '0', isFromMe ? '0' : (participant ?? '0')]
}
