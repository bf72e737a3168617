import { deflateSync } from 'node:zlib'
import { proto } from '@whiskeysockets/baileys'
import type { Account } from './accounts.ts'
import { nowSeconds } from './clock.ts'
import { toJid } from './jids.ts'
import type { Login } from './login.ts'
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
  const messages = [
    keyShare(account, [0, ...world.devices.of(phone).map(({ keyIndex }) => keyIndex)]),
    history(HistorySyncType.INITIAL_BOOTSTRAP, { conversations: [] }),
    history(HistorySyncType.PUSH_NAME, {
      pushnames: [{ id: toJid(account, 'pn'), pushname: account.name ?? phone }],
    }),
    history(HistorySyncType.RECENT, { conversations: [] }),
  ]
  await world.handset(phone).tellCompanion(device, messages, () => world.devices.settle(phone, device))
}

function keyShare(account: Account, deviceIndexes: number[]): proto.IMessage {
  const { appStateKey, rawId } = account.identity
  const fingerprint = { rawId, currentIndex: Math.max(...deviceIndexes), deviceIndexes }
  const key = {
    keyId: { keyId: appStateKey.id },
    keyData: { keyData: appStateKey.data, fingerprint, timestamp: Date.now() },
  }
  return {
    protocolMessage: { type: Type.APP_STATE_SYNC_KEY_SHARE, appStateSyncKeyShare: { keys: [key] } },
  }
}

/** Inline: a path would be fetched from WhatsApp's own media host, because this message has no place for another. */
function history(syncType: proto.HistorySync.HistorySyncType, content: Partial<proto.IHistorySync>): proto.IMessage {
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
        oldestMsgInChunkTimestampSec: nowSeconds(),
      },
    },
  }
}
