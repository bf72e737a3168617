import type { Backoff } from './backoff.ts'
import { Dials } from './dials.ts'
import { readDisconnect, readNotOpened } from './disconnects.ts'
import { WamuxError } from './errors.ts'
import type { Gate } from './gate.ts'
import type { Inbox } from './inbox.ts'
import { type Effect, type Input, type Life, next } from './lifecycle.ts'
import { Linking } from './linking.ts'
import type { CertificateMode, Logger } from './options.ts'
import type { Outbox } from './outbox.ts'
import type { Account, LiveEvents } from './shared.ts'
import { assertLinking, disconnected, type Standing, shown } from './standing.ts'
import * as journal from './stores/sql/journal.ts'
import * as keys from './stores/sql/keys.ts'
import * as outboxRows from './stores/sql/outbox.ts'
import * as sessions from './stores/sql/sessions.ts'
import type { Store } from './stores/store.ts'
import { Connection } from './whatsapp/connection.ts'
import type { BaileysOptions } from './whatsapp/socket.ts'

export interface SupervisorOptions {
  row: sessions.SessionRow
  store: Store
  inbox: Inbox
  outbox: Outbox
  certificates: CertificateMode
  logger: Logger
  baileys: BaileysOptions
  /** So many may dial at a time in this process. */
  gate: Gate
  backoff: Backoff
  /** After how long a session whose store failed tries again. */
  storeRetryMs: number
  /** Whether a chat can be written to at all. */
  exists(chat: string): Promise<boolean>
  /** Something was committed that others may want to read. */
  committed(): void
  tellLive<E extends keyof LiveEvents>(event: E, data: LiveEvents[E]): void
}

/**
 * Keeps one account connected: carries out what `lifecycle.ts` decides. What is sent and read over the connection is
 * not its business.
 */
export class Supervisor {
  readonly linking = new Linking()
  readonly #id: string
  readonly #dials: Dials
  readonly #options: SupervisorOptions
  #account: Account | null
  #life: Life
  #lostAt: number | undefined
  /** It is being logged out: nothing more is accepted for this account. */
  #isLeaving = false
  #connection: Connection | undefined
  /** Counts connections: what an older one still says is dropped. */
  #epoch = 0
  /** Given back when the session no longer dials. */
  #leaveGate: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #busy: Promise<void> = Promise.resolve()

  constructor(options: SupervisorOptions) {
    const { row } = options
    this.#id = row.id
    this.#options = options
    this.#dials = new Dials(options.row.id, options.store, options.logger)
    this.#account = row.account
    this.#life = row.ended ? JSON.parse(row.ended) : { name: 'stopped' }
  }

  get standing(): Standing {
    return { life: this.#life, account: this.#account, isLeaving: this.#isLeaving, lostAt: this.#lostAt }
  }

  get account(): Account | null {
    return this.#account
  }

  /** Inputs are taken one after the other: two starts at once open one connection. */
  input(input: Input): Promise<void> {
    return this.#inTurn(() => this.#take(input))
  }

  /** Starts again what ran when the last process ended, not sooner than that one would have. */
  resume(): Promise<void> {
    return this.#inTurn(async () => this.#take({ type: 'resume', last: await this.#dials.last() }))
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#busy.then(work)
    this.#busy = done.catch(() => {}) // whoever gave the input hears of it
    return done
  }

  /** The store failed outside of the connection: it ends before anything else leaves. */
  storeFailed(error: unknown): void {
    this.#connection?.storeFailed(error)
  }

  async logout(): Promise<void> {
    const life = this.#life
    if (life.name === 'logged_out') return
    // Only WhatsApp can unlink a device. With credentials that nobody can read there is nothing else to do.
    const isLost = life.name === 'failed' && life.reason === 'CREDENTIALS_UNREADABLE'
    if (this.#account && !isLost) {
      const connection = this.assertConnected()
      this.#isLeaving = true
      this.#letGo() // the end that follows is ours, not WhatsApp's
      try {
        await connection.logout()
      } catch (error) {
        // WhatsApp may close before it answers; the phone's owner sees the device gone either way.
        this.#options.logger.warn({ error, session: this.#id }, 'logging out')
      } finally {
        await connection.close()
        this.#isLeaving = false
      }
    }
    await this.input({ type: 'logout' })
  }

  async pairingCode(phone: string): Promise<string> {
    assertLinking(this.standing)
    await this.linking.begun()
    if (!this.#connection) throw new WamuxError('NOT_LINKING', 'Nobody can link now.', { state: this.#life.name })
    return this.#connection.pairingCode(phone)
  }

  /** @throws WHATSAPP_DISCONNECTED */
  assertConnected(): Connection {
    const connection = this.#connection
    if (connection && this.#life.name === 'ready' && !this.#isLeaving) return connection
    throw disconnected(this.#life)
  }

  async #take(input: Input): Promise<void> {
    const before = this.#life
    const { backoff, storeRetryMs } = this.#options
    const step = next(before, input, { now: Date.now(), backoff, storeRetryMs })
    this.#life = step.life
    if ((input.type === 'start' || input.type === 'resume') && before.name !== 'waiting') this.#lostAt = Date.now()
    const wasThere = before.name === 'ready' || before.name === 'linking'
    if (wasThere && step.life.name !== before.name) this.#lostAt = Date.now()
    if (step.life.name !== 'linking') this.linking.end()
    if (step.life.name !== 'connecting') this.#leaveGate?.()
    for (const effect of step.effects) await this.#perform(effect)
    if (input.type === 'stop') await this.#dials.ended(before)
    if (before.name !== step.life.name) await this.#changed(step.life)
  }

  async #perform(effect: Effect): Promise<void> {
    switch (effect.do) {
      case 'open':
        clearTimeout(this.#timer)
        return this.#dial()
      case 'close': {
        clearTimeout(this.#timer)
        const connection = this.#connection
        this.#letGo()
        return connection?.close()
      }
      case 'wait':
        clearTimeout(this.#timer)
        this.#timer = setTimeout(() => this.#given({ type: 'waited' }), effect.ms)
        return
      case 'forget_credentials':
        return this.#forget()
    }
  }

  /** Dials in its own time: a stop must not wait for others who dial. */
  #dial(): void {
    const epoch = ++this.#epoch
    this.#open(() => epoch === this.#epoch).catch((error: unknown) => {
      this.#options.logger.error({ error, session: this.#id }, 'a connection could not be closed')
    })
  }

  async #open(mine: () => boolean): Promise<void> {
    const { store, inbox, outbox, certificates, logger, baileys, gate, committed, tellLive } = this.#options
    const leave = await gate.enter()
    if (!mine()) return leave()
    this.#leaveGate = leave
    try {
      await this.#dials.begun(this.#life)
      if (!mine()) return leave()
      const connection = await Connection.open({
        session: this.#id,
        store,
        account: this.#account,
        inbox,
        sent: (id) => store.read(() => outboxRows.byId(this.#id, id)),
        certificates,
        logger,
        baileys,
        events: {
          linking: (qr, expiresAt) => {
            if (!mine()) return
            this.#given({ type: 'linking' })
            this.linking.shown(qr, expiresAt)
            tellLive('qr', { qr, expiresAt })
          },
          linked: (account) => {
            if (mine()) this.#account = account
          },
          opened: () => mine() && this.#given({ type: 'opened' }),
          closed: (why) => {
            if (!mine()) return
            this.#letGo()
            this.#given({ type: 'closed', why: readDisconnect(why) })
          },
          acked: (id, error, timestamp) => mine() && outbox.acked(id, error, timestamp),
          reachout: (reachout) => outbox.reachout(reachout),
          committed,
        },
      })
      if (mine()) this.#connection = connection
      else await connection.close()
    } catch (error) {
      if (!mine()) return
      logger.error({ error, session: this.#id }, 'a connection could not be opened')
      this.#letGo()
      this.#given({ type: 'closed', why: readNotOpened(error) })
    }
  }

  /** What came of a connection's end is dropped from here on. */
  #letGo(): void {
    this.#epoch++
    this.#connection = undefined
    this.#leaveGate?.()
    this.#leaveGate = undefined
    this.#options.outbox.detach()
  }

  async #changed(life: Life): Promise<void> {
    const { store, tellLive } = this.#options
    const now = Date.now()
    if (life.name === 'ready' && !(await this.#opened(now))) return
    // A linking that ran out, a ban, another place that took the account: a new start of the process changes nothing.
    const rests = life.name === 'logged_out' || (life.name === 'failed' && life.reason !== 'STORE_FAILED')
    if (rests) await store.write(() => sessions.setEnded(this.#id, JSON.stringify(life)))
    tellLive('state', { ...shown(this.#life), timestamp: now })
  }

  /** Writes down that the session is ready and lets messages go out; false when that cannot be written. */
  async #opened(now: number): Promise<boolean> {
    const { store, outbox, logger, committed, exists } = this.#options
    const connection = this.#connection
    if (!connection) return false // it ended meanwhile, and its end is the next input
    this.#lostAt = undefined
    this.#account = connection.account ?? this.#account
    const { phone, lid, name } = this.#account ?? { phone: '', lid: null, name: '' }
    try {
      await store.write(() => journal.append(this.#id, 'ready', null, now, { phone, lid, name, timestamp: now }))
      committed()
      if (connection !== this.#connection) return false
      await outbox.attach({
        prepare: (entry) => connection.prepare(entry),
        settle: (id, work) => connection.settle(id, work),
        unsent: (id) => connection.unsent(id),
        typing: (chat) => connection.typing(chat),
        exists,
        reachout: () => connection.reachout(),
        lost: (cause) => connection.lost(cause),
      })
    } catch (error) {
      logger.error({ error, session: this.#id }, 'the store failed as the connection opened')
      this.#letGo()
      await connection.close()
      this.#given({ type: 'closed', why: { kind: 'failed', reason: 'STORE_FAILED', until: null } })
      return false
    }
    return true
  }

  async #forget(): Promise<void> {
    const { store, committed } = this.#options
    const cause = this.#life.name === 'logged_out' ? this.#life.cause : 'requested'
    const timestamp = Date.now()
    const session = this.#id
    await store.write(function* () {
      yield* keys.archive(session, timestamp)
      yield* sessions.setAccount(session, null)
      yield* journal.append(session, 'logged_out', null, timestamp, { cause, timestamp })
    })
    this.#account = null
    committed()
  }

  #given(input: Input): void {
    this.input(input).catch((error: unknown) => {
      this.#options.logger.error({ error, session: this.#id, input: input.type }, 'a change of state failed')
    })
  }
}
