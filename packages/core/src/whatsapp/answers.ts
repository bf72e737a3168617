import {
  type BinaryNode,
  decodeMessageNode,
  isJidNewsletter,
  isLidUser,
  jidNormalizedUser,
  type proto,
} from '@whiskeysockets/baileys'
import type { Me } from './read-stanza.ts'

/** A receipt, as Baileys sends one. */
export interface Answer {
  jid: string
  participant: string | undefined
  id: string
  type: 'sender' | 'peer_msg' | 'inactive' | 'hist_sync' | undefined
}

/**
 * How Baileys answers a message that it has handled, for one that WhatsApp delivers again: receipts, or undefined when
 * a bare ack is enough. `contents` is what the message says; `isOnline` whether the account shows itself. Pure.
 */
export function answersTo(
  node: BinaryNode,
  me: Me,
  contents: readonly proto.IMessage[],
  isOnline: boolean,
): Answer[] | undefined {
  const { fullMessage, author } = decodeMessageNode(node, me.id, me.lid ?? '')
  const { remoteJid, remoteJidAlt, fromMe, id, participant } = fullMessage.key
  if (!remoteJid || !id || isJidNewsletter(remoteJid)) return undefined
  const receipt = (type: Answer['type'], by = participant ?? undefined): Answer => {
    return { jid: remoteJid, participant: by, id, type }
  }
  const answers: Answer[] = []
  if (node.attrs.category === 'peer') answers.push(receipt('peer_msg'))
  else if (fromMe) {
    const isHidden = isLidUser(remoteJid) || isLidUser(remoteJidAlt ?? undefined)
    answers.push(receipt('sender', isHidden ? author : undefined))
  } else answers.push(receipt(isOnline ? undefined : 'inactive'))
  // The phone frees the file of a history on this one.
  if (contents.some(({ protocolMessage }) => protocolMessage?.historySyncNotification)) {
    answers.push({ jid: jidNormalizedUser(remoteJid), participant: undefined, id, type: 'hist_sync' })
  }
  return answers
}
