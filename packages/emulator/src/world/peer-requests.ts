import { proto } from '@whiskeysockets/baileys'
import { History } from './history.ts'
import type { Past } from './past.ts'
import { historyParts } from './settling.ts'
import type { World } from './world.ts'

const { Type } = proto.Message.ProtocolMessage
const Operation = proto.Message.PeerDataOperationRequestType
const { REQUEST_SUCCESS } =
  proto.Message.PeerDataOperationRequestResponseMessage.PeerDataOperationResult.FullHistorySyncOnDemandResponseCode
const { FULL, ON_DEMAND } = proto.HistorySync.HistorySyncType

type Request = proto.Message.IPeerDataOperationRequestMessage
type Result = proto.Message.PeerDataOperationRequestResponseMessage.IPeerDataOperationResult

/** Most messages that a phone hands over at once. */
const MOST = 500

/**
 * What the phone sends back when one of its companions asks it something: keys of the shared state, a message that the
 * companion could not read, older messages, the preview of a link. `id` is that of the request. Nothing when nothing
 * was asked.
 */
export function peerAnswers(world: World, phone: string, id: string, message: proto.IMessage): proto.IMessage[] {
  const { type, appStateSyncKeyRequest, peerDataOperationRequestMessage: request } = message.protocolMessage ?? {}
  if (type === Type.APP_STATE_SYNC_KEY_REQUEST) {
    return [
      world.appState.share(
        phone,
        (appStateSyncKeyRequest?.keyIds ?? []).flatMap(({ keyId }) => keyId ?? []),
      ),
    ]
  }
  if (!request) return []
  const history = new History(world, world.accounts.require(phone))
  switch (request.peerDataOperationRequestType) {
    case Operation.HISTORY_SYNC_ON_DEMAND:
      return [older(world, history, phone, id, request)]
    case Operation.FULL_HISTORY_SYNC_ON_DEMAND: {
      const { requestMetadata } = request.fullHistorySyncOnDemandRequest ?? {}
      const fullHistorySyncOnDemandRequestResponse = {
        ...(requestMetadata && { requestMetadata }),
        responseCode: REQUEST_SUCCESS,
      }
      const parts = historyParts(history, FULL, everything(world, history, phone))
      return [
        response(request, id, [{ fullHistorySyncOnDemandRequestResponse }]),
        ...parts.map((part) => history.notice({ ...part, request: id })),
      ]
    }
    case Operation.PLACEHOLDER_MESSAGE_RESEND:
      return [response(request, id, resent(world, history, phone, request))]
    case Operation.GENERATE_LINK_PREVIEW:
      return [response(request, id, previews(request))]
    default:
      // A phone that has nothing to say says that: the companion need not wait.
      return [response(request, id, [])]
  }
}

function response(request: Request, stanzaId: string, peerDataOperationResult: Result[]): proto.IMessage {
  const { peerDataOperationRequestType = null } = request
  return {
    protocolMessage: {
      type: Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE,
      peerDataOperationRequestResponseMessage: { peerDataOperationRequestType, stanzaId, peerDataOperationResult },
    },
  }
}

/** The messages of one chat before the oldest one that the companion has. */
function older(world: World, history: History, phone: string, id: string, request: Request): proto.IMessage {
  const { chatJid, oldestMsgId, oldestMsgTimestampMs, onDemandMsgCount } = request.historySyncOnDemandRequest ?? {}
  const chat = chatOf(world, chatJid)
  const [oldest] = oldestMsgId ? world.past.of(phone, { chat, id: oldestMsgId, limit: 1 }) : []
  const at = Number(oldestMsgTimestampMs ?? 0) || world.clock.now()
  const limit = Math.min(Math.max(1, onDemandMsgCount ?? MOST), MOST)
  const messages = history.kept(world.past.of(phone, { chat, before: oldest ?? { at, place: 0, id: '' }, limit }))
  const conversations = [history.conversation(chat, messages.reverse())]
  return history.notice({ type: ON_DEMAND, content: { conversations }, progress: 100, order: 1, request: id })
}

function everything(world: World, history: History, phone: string): Past[] {
  return history.kept(world.past.of(phone, { limit: 100 * MOST })).reverse()
}

/** A message that the phone does not have comes back empty. */
function resent(world: World, history: History, phone: string, request: Request): Result[] {
  return (request.placeholderMessageResendRequest ?? []).map(({ messageKey }) => {
    const chat = chatOf(world, messageKey?.remoteJid)
    const [past] = world.past.of(phone, { chat, id: messageKey?.id ?? '', limit: 1 })
    const webMessageInfoBytes = past && proto.WebMessageInfo.encode(history.info(past)).finish()
    return { placeholderMessageResendResponse: webMessageInfoBytes ? { webMessageInfoBytes } : {} }
  })
}

/** Without a look at the page, which would leave the loopback. */
function previews(request: Request): Result[] {
  return (request.requestUrlPreview ?? []).map(({ url }) => {
    const title = url && URL.canParse(url) ? new URL(url).hostname : ''
    return { linkPreviewResponse: { url: url ?? '', matchText: url ?? '', title, description: '' } }
  })
}

function chatOf(world: World, jid: string | null | undefined): string {
  return world.accounts.byJid(jid ?? undefined)?.phone ?? jid ?? ''
}
