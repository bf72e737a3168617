import { createHash } from 'node:crypto'
import { decryptPollVote, normalizeMessageContent, proto } from '@whiskeysockets/baileys'
import type { Change, Concerned, Poll } from '../changes.ts'
import type { Person } from '../inbox.ts'
import { pollOf, readContent } from './read-message.ts'
import { toParty } from './read-stanza.ts'

const { REVOKE, MESSAGE_EDIT } = proto.Message.ProtocolMessage.Type

/**
 * Reads what somebody does to a message that is there; undefined when it is nothing of the kind. Reactions in the
 * announcement groups of communities, and edits that are sealed like votes, are not opened: they are not told. Pure.
 */
export function readChange(message: proto.IMessage): Change | undefined {
  const content = normalizeMessageContent(message)
  const { protocolMessage, reactionMessage, pollUpdateMessage } = content ?? {}
  if (protocolMessage) {
    const concerned = concernedBy(protocolMessage.key)
    if (!concerned) return undefined
    if (protocolMessage.type === REVOKE) return { kind: 'deleted', concerned }
    if (protocolMessage.type !== MESSAGE_EDIT) return undefined
    return { kind: 'edited', concerned, body: readContent(protocolMessage.editedMessage).body }
  }
  if (reactionMessage) {
    const concerned = concernedBy(reactionMessage.key)
    return concerned && { kind: 'reaction', concerned, emoji: reactionMessage.text ?? '' }
  }
  const { pollCreationMessageKey, vote } = pollUpdateMessage ?? {}
  const concerned = concernedBy(pollCreationMessageKey)
  return concerned && vote ? { kind: 'vote', concerned, open: (poll) => openVote(vote, poll) } : undefined
}

/** A message as whoever speaks of it names it: `fromMe` is theirs. */
function concernedBy(key: proto.IMessageKey | null | undefined): Concerned | undefined {
  if (!key?.id) return undefined
  const author = toParty(key.participant, undefined)
  return { id: key.id, isTheirs: key.fromMe === true, author: typeof author === 'object' ? author : null }
}

/**
 * What a vote picks. It is sealed under names of both people, and which of their names a client takes depends on how
 * it came to know them: all are tried.
 */
function openVote(vote: proto.Message.IPollEncValue, { id, raw, creator, voter }: Poll): string[] | null {
  const message = proto.Message.decode(raw)
  const content = normalizeMessageContent(message)
  const poll = content && pollOf(content)
  const pollEncKey = message.messageContextInfo?.messageSecret ?? content?.messageContextInfo?.messageSecret
  if (!poll || !pollEncKey || !vote.encPayload || !vote.encIv) return null
  for (const pollCreatorJid of jidsOf(creator)) {
    for (const voterJid of jidsOf(voter)) {
      try {
        const opened = decryptPollVote(vote, { pollMsgId: id, pollEncKey, pollCreatorJid, voterJid })
        const picked = new Set(opened.selectedOptions.map((hash) => Buffer.from(hash).toString('hex')))
        return (poll.options ?? []).map(({ optionName }) => optionName ?? '').filter((name) => picked.has(hashOf(name)))
      } catch {
        // Sealed under other names of the two.
      }
    }
  }
  return null
}

const jidsOf = ({ phone, lid }: Person): string[] => [
  ...(phone === undefined ? [] : [`${phone}@s.whatsapp.net`]),
  ...(lid === undefined ? [] : [`${lid}@lid`]),
]

const hashOf = (option: string): string => createHash('sha256').update(option).digest('hex')
