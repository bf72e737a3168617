import { chatKind, lidChat, phoneChat, userOf } from './chat-id.ts'
import type { ChatPlace, Incoming, Person } from './inbox.ts'
import { ownChat } from './message.ts'
import type { Account, MessageChange } from './shared.ts'
import * as contacts from './stores/sql/contacts.ts'
import * as history from './stores/sql/history.ts'
import * as journal from './stores/sql/journal.ts'
import type { Work } from './stores/store.ts'

/** The message that something is done to, as whoever does it names it. */
export interface Concerned {
  id: string
  /** It is their own. */
  isTheirs: boolean
  /** Who wrote it, in a group, when it is not their own. */
  author: Person | null
}

/** What is needed to open a vote, and is known to the store only. */
export interface Poll {
  id: string
  /** Its protobuf as it came. */
  raw: Uint8Array
  creator: Person
  voter: Person
}

/** Something that is done to a message that is there. */
export type Change =
  | { kind: 'edited'; concerned: Concerned; body: string }
  | { kind: 'deleted'; concerned: Concerned }
  | { kind: 'reaction'; concerned: Concerned; emoji: string }
  | { kind: 'vote'; concerned: Concerned; open(poll: Poll): string[] | null }

/** Where a change came in, with everybody looked up. */
export interface ChangePlace {
  session: string
  account: Account | null
  chat: ChatPlace
  author: contacts.ContactRow | null
  /** A chat id, or `me`. */
  sender: string
  incoming: Incoming
}

/** Tells of a change, whether or not the message is here: it may be older than the account. */
export function* recordChange(place: ChangePlace, change: Change): Work<void> {
  const { session, account, chat, author, sender, incoming } = place
  const writer = yield* writerOf(place, change.concerned)
  const isOthers = writer !== sender
  // Nobody edits what others wrote, and only admins take it back: whoever says so is not believed.
  if (isOthers && (change.kind === 'edited' || (change.kind === 'deleted' && !isDeletedByAdmin(place)))) return
  const { timestamp, isFromMe } = incoming
  const inGroup = chat.contact === null
  const told: MessageChange = {
    id: incoming.id,
    messageId: change.concerned.id,
    messageSender: writer,
    chatId: chat.id,
    from: isFromMe && !inGroup ? ownChat(account) : chat.id,
    author: !inGroup ? null : isFromMe ? ownChat(account) : author ? contacts.chatOf(author) : null,
    isFromMe,
    timestamp,
  }
  switch (change.kind) {
    case 'edited':
      return yield* journal.append(session, 'message_edited', chat.id, timestamp, { ...told, body: change.body })
    case 'deleted':
      return yield* journal.append(session, 'message_deleted', chat.id, timestamp, told)
    case 'reaction':
      return yield* journal.append(session, 'message_reaction', chat.id, timestamp, { ...told, emoji: change.emoji })
    case 'vote': {
      const raw = yield* history.rawOf(session, chat.id, writer, told.messageId)
      const creator = yield* personOf(session, account, writer)
      const voter = yield* personOf(session, account, sender)
      const options = raw && change.open({ id: told.messageId, raw, creator, voter })
      return yield* journal.append(session, 'poll_vote', chat.id, timestamp, { ...told, options })
    }
  }
}

const isDeletedByAdmin = ({ chat, incoming }: ChangePlace): boolean =>
  chatKind(chat.id) === 'group' && incoming.isByAdmin === true

/** Who wrote the message that a change is about: a chat id, or `me`. */
function* writerOf({ session, account, chat, sender }: ChangePlace, concerned: Concerned): Work<string> {
  if (concerned.isTheirs) return sender
  // Between two people it is the other one's.
  if (chat.contact) return sender === 'me' ? chat.id : 'me'
  const { phone, lid } = concerned.author ?? {}
  if (account && (phone === account.phone || (lid !== undefined && account.lid === lidChat(lid)))) return 'me'
  // Only looked up: a stranger's word makes nobody known.
  const known = phone === undefined ? null : yield* contacts.byPhone(session, phone)
  const contact = known ?? (lid === undefined ? null : yield* contacts.byLid(session, lid))
  if (contact) return contacts.chatOf(contact)
  return phone !== undefined ? phoneChat(phone) : lid !== undefined ? lidChat(lid) : chat.id
}

/** Both names of somebody, as far as they are known. */
function* personOf(session: string, account: Account | null, id: string): Work<Person> {
  if (id === 'me') return account ? { phone: account.phone, lid: account.lid ? userOf(account.lid) : undefined } : {}
  const isLid = chatKind(id) === 'lid'
  const user = userOf(id)
  const contact = isLid ? yield* contacts.byLid(session, user) : yield* contacts.byPhone(session, user)
  if (contact) return { phone: contact.phone ?? undefined, lid: contact.lid ?? undefined }
  return isLid ? { lid: user } : { phone: user }
}
