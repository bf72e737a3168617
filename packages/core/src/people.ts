import { chatKind, parsePerson, phoneChat, userOf } from './chat-id.ts'
import { isWamuxError, WamuxError } from './errors.ts'
import type { Account, Contact, NumberCheck } from './shared.ts'
import type { LookupsOfSession } from './stores/keyv.ts'
import * as contacts from './stores/sql/contacts.ts'
import type { Store } from './stores/store.ts'

export interface PeopleOptions {
  session: string
  store: Store
  lookups: LookupsOfSession
  account: () => Account | null
  /** Who can ask WhatsApp. @throws WHATSAPP_DISCONNECTED */
  connection(): { lookUp(phone: string): Promise<{ registered: boolean; lid: string | null }> }
}

const DAY_MS = 24 * 60 * 60_000
/** Somebody may join WhatsApp any minute; hardly anybody leaves. */
const NOT_REGISTERED_MS = 5 * 60_000

/** Who is on WhatsApp, and what is known of them. What WhatsApp answered is remembered for a while. */
export class People {
  readonly #options: PeopleOptions

  constructor(options: PeopleOptions) {
    this.#options = options
  }

  async checkNumber(phone: string): Promise<NumberCheck> {
    const { chatId, phone: shown } = parsePerson(phone)
    this.#options.connection()
    const digits = await this.#phoneOf(chatId)
    if (digits === undefined) {
      // WhatsApp answers for numbers only; of a hidden id it is known only if we ever met it.
      await this.#known(chatId, shown)
      return { phone: shown, registered: true, whatsappId: chatId }
    }
    const { registered } = await this.#lookUp(digits)
    return { phone: digits, registered, whatsappId: registered ? phoneChat(digits) : null }
  }

  async contact(phone: string): Promise<Contact> {
    const { chatId, phone: shown } = parsePerson(phone)
    this.#options.connection()
    const digits = await this.#phoneOf(chatId)
    if (digits !== undefined) {
      const { registered, lid } = await this.#lookUp(digits)
      if (!registered) throw new WamuxError('NOT_ON_WHATSAPP', `${shown} has no WhatsApp account.`, { phone: shown })
      await this.#options.store.write(() =>
        contacts.learn(this.#options.session, { phone: digits, lid: lid ?? undefined }),
      )
    }
    const known = await this.#known(digits === undefined ? chatId : phoneChat(digits), shown)
    return {
      id: contacts.chatOf(known),
      name: contacts.nameOf(known),
      pushname: known.pushname ?? '',
      number: known.phone ?? '',
      isBlocked: known.isBlocked,
      isBusiness: known.isBusiness,
    }
  }

  /** Whether a chat can be written to at all. @throws WHATSAPP_DISCONNECTED */
  async exists(chat: string): Promise<boolean> {
    if (chatKind(chat) !== 'person') return true
    try {
      return (await this.#lookUp(userOf(chat))).registered
    } catch (error) {
      if (isWamuxError(error, 'WHATSAPP_DISCONNECTED')) throw error
      return true // WhatsApp did not say: the send itself will
    }
  }

  /** @throws NOT_ON_WHATSAPP when nothing is known of this person */
  async #known(chatId: string, shown: string): Promise<contacts.ContactRow> {
    const user = userOf(chatId)
    const isPhone = chatKind(chatId) === 'person'
    const known = await this.#options.store.read(() =>
      isPhone ? contacts.byPhone(this.#options.session, user) : contacts.byLid(this.#options.session, user),
    )
    if (!known) throw new WamuxError('NOT_ON_WHATSAPP', `Nothing is known of ${shown}.`, { phone: shown })
    return known
  }

  /** The digits behind a chat id, if they are known. */
  async #phoneOf(chatId: string): Promise<string | undefined> {
    if (chatKind(chatId) === 'person') return userOf(chatId)
    return (
      (await this.#options.store.read(() => contacts.byLid(this.#options.session, userOf(chatId))))?.phone ?? undefined
    )
  }

  async #lookUp(phone: string): Promise<{ registered: boolean; lid: string | null }> {
    const connection = this.#options.connection()
    // What one account learnt is not used for another that the session is linked to later.
    const id = `${this.#options.account()?.phone}/${phone}`
    const ttl = ({ registered }: { registered: boolean }) => (registered ? DAY_MS : NOT_REGISTERED_MS)
    return this.#options.lookups.get('number', id, ttl, () => connection.lookUp(phone))
  }
}
