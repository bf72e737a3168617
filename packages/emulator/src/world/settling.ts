import { deflateSync } from 'node:zlib'
import { proto } from '@whiskeysockets/baileys'
import type { Account } from './accounts.ts'
import { toJid } from './jids.ts'
import type { Login } from './login.ts'
import type { Past } from './past.ts'
import type { World } from './world.ts'

const { Type, HistorySyncType } = {
  Type: proto.Message.ProtocolMessage.Type,
  HistorySyncType: proto.HistorySync.HistorySyncType,
}

/** What a phone sends a new companion by itself: the keys of the app state, then its history. Once per companion. */
export async function settleCompanion(world: World, login: Login): Promise<void> {
  const { phone, device } = login
  const registered = world.devices.get(phone, device)
  if (!registered || registered.isSettled) return
  const account = world.accounts.require(phone)
  world.appState.begin(account)
  const compose = () => [
    world.appState.share(phone),
    history(world, HistorySyncType.INITIAL_BOOTSTRAP, { conversations: conversations(world, account) }),
    history(world, HistorySyncType.PUSH_NAME, { pushnames: pushNames(world, account) }),
    history(world, HistorySyncType.RECENT, { conversations: [] }),
  ]
  await world.handset(phone).tellCompanion(device, compose, () => world.devices.settle(phone, device))
}

/** More would not fit into a message; a real phone sends the rest in files. */
const MESSAGES = 500

/** The chats on the phone, each with its messages, newest first. */
function conversations(world: World, account: Account): proto.IConversation[] {
  const chats = new Map<string, Past[]>()
  for (const past of world.past.of(account.phone, { limit: MESSAGES })) {
    chats.set(past.chat, [past, ...(chats.get(past.chat) ?? [])])
  }
  return [...chats].map(([chat, messages]) => {
    const person = world.accounts.get(chat)
    const id = person ? toJid(person, 'pn') : chat
    return {
      id,
      ...(person && { lidJid: toJid(person, 'lid') }),
      name: person?.name ?? world.groups.get(chat)?.subject ?? null,
      conversationTimestamp: toSeconds(messages[0]?.at ?? 0),
      messages: messages.map((past) => ({ message: toInfo(world, account, id, past) })),
    }
  })
}

function toInfo(world: World, account: Account, remoteJid: string, past: Past): proto.IWebMessageInfo {
  const fromMe = past.author === account.phone
  const author = world.accounts.get(past.author)
  const participant = remoteJid.endsWith('@g.us') && !fromMe && author ? { participant: toJid(author, 'pn') } : {}
  return {
    key: { remoteJid, fromMe, id: past.id, ...participant },
    ...participant,
    message: past.message,
    messageTimestamp: toSeconds(past.at),
    pushName: fromMe ? null : (author?.name ?? null),
  }
}

/** How the people whom the phone knows call themselves. */
function pushNames(world: World, account: Account): proto.IPushname[] {
  const known = new Set([
    account.phone,
    ...world.past.of(account.phone, { limit: MESSAGES }).map(({ author }) => author),
  ])
  return [...known].flatMap((phone) => {
    const person = world.accounts.get(phone)
    return person ? [{ id: toJid(person, 'pn'), pushname: person.name ?? phone }] : []
  })
}

const toSeconds = (ms: number) => Math.floor(ms / 1000)

/** Inline: a path would be fetched from WhatsApp's own media host, because this message has no place for another. */
function history(
  world: World,
  syncType: proto.HistorySync.HistorySyncType,
  content: Partial<proto.IHistorySync>,
): proto.IMessage {
  const sync = proto.HistorySync.encode({ syncType, progress: 100, chunkOrder: 1, ...content }).finish()
  return {
    protocolMessage: {
      type: Type.HISTORY_SYNC_NOTIFICATION,
      historySyncNotification: {
        // The two enums number the types alike.
        syncType: syncType as number,
        progress: 100,
        chunkOrder: 1,
        initialHistBootstrapInlinePayload: deflateSync(sync),
        oldestMsgInChunkTimestampSec: world.clock.seconds(),
      },
    },
  }
}
