import { normalizeMessageContent, type proto } from '@whiskeysockets/baileys'
import { pollIn } from '../content/reading.ts'
import { openAnswer, openVote, type Sealing } from '../content/secrets.ts'
import type { Account } from './accounts.ts'
import { type Space, toJid } from './jids.ts'
import type { World } from './world.ts'

/**
 * What a vote or an answer says, for a person who has the poll or the event. Undefined when it is neither, when the
 * person does not know what it is about, or when it was sealed for something else.
 */
export function choicesIn(
  world: World,
  owner: string,
  answerer: Account,
  message: proto.IMessage,
): string[] | undefined {
  const content = normalizeMessageContent(message)
  const vote = content?.pollUpdateMessage
  const answer = content?.encEventResponseMessage
  const id = vote?.pollCreationMessageKey?.id ?? answer?.eventCreationMessageKey?.id
  const about = id ? world.mail.find(owner, id) : undefined
  const creator = about && world.accounts.get(about.author)
  const secret = about?.message.messageContextInfo?.messageSecret
  const { encPayload, encIv } = vote?.vote ?? answer ?? {}
  if (!about || !creator || !secret || !encPayload || !encIv) return undefined
  const options = (pollIn(about.message)?.options ?? []).map(({ optionName }) => optionName ?? '')
  const sealed = { encPayload, encIv }
  for (const sealing of sealings(creator, answerer, { secret, id: about.id })) {
    try {
      if (vote) return openVote(sealing, sealed, options)
      const opened = openAnswer(sealing, sealed)
      return opened ? [opened] : undefined
    } catch {
      // Sealed under other names of the two: which ones a client takes depends on how it came to know them.
    }
  }
  return undefined
}

function sealings(creator: Account, answerer: Account, known: Pick<Sealing, 'secret' | 'id'>): Sealing[] {
  const spaces: Space[] = ['pn', 'lid']
  return spaces.flatMap((one) =>
    spaces.map((two) => ({ ...known, creator: toJid(creator, one), answerer: toJid(answerer, two) })),
  )
}
