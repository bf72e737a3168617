import type {
  CertificateFlaw,
  ConnectAnswer,
  Fault,
  Faults,
  KeyFaults,
  KickReason,
  Line,
  LoginRefusal,
  MalformedKind,
  NackTreatment,
  StanzaFaults,
  Where,
} from '../faults.ts'
import type { Credentials } from '../noise/handshake.ts'
import type { Random } from '../state/random.ts'
import type { ServerKeys } from '../state/server-keys.ts'
import type { Connection, Interference, Silence } from '../stream/connection.ts'
import type { Clock } from '../world/clock.ts'
import type { Timelock } from '../world/timelock.ts'
import { flawed } from './certificates.ts'
import { goodbye } from './goodbyes.ts'
import { type KeyFault, KeyRules } from './keys.ts'
import { Lines } from './lines.ts'
import { sendMalformed } from './malformed.ts'
import { Passage, type Surroundings } from './passage.ts'
import { type Direction, Rules } from './rules.ts'
import { stanzaFaults } from './stanza-faults.ts'
import { type Trouble, Troubles } from './trouble.ts'

/** What faults need of the network around them. */
export interface FaultSurroundings {
  readonly clock: Clock
  readonly random: Random
  readonly keys: ServerKeys
  readonly patienceMs: number
  connections(): Iterable<Connection>
  drainPreKeys(phone: string, device: number | undefined, left: number): void
  timelock(phone: string, lock: Timelock | undefined): void
}

interface Aimed<T> {
  readonly phone: string | undefined
  readonly what: T
  readonly trouble: Trouble
}

/** The faults of a network, for those who ask for them and for the parts that carry them out. */
export class FaultState implements Faults, Interference {
  phoneReceipts = false
  isNetworkUp = true
  #ackDelayMs = 0
  #dropAcks = false
  #switchedAcks: Trouble | undefined
  #swallowing: Trouble | undefined
  readonly #around: FaultSurroundings
  readonly #troubles: Troubles
  readonly #rules = new Rules()
  readonly #lines: Lines
  readonly #keys = new KeyRules()
  #refusals: Aimed<LoginRefusal>[] = []
  #answers: Aimed<ConnectAnswer>[] = []
  #flaws: Aimed<CertificateFlaw>[] = []
  #nacks: Aimed<NackTreatment>[] = []
  readonly #unreadable = new Map<string, number>()

  constructor(around: FaultSurroundings) {
    this.#around = around
    this.#troubles = new Troubles(around.patienceMs)
    this.#lines = new Lines(() => around.connections())
  }

  get ackDelayMs(): number {
    return this.#ackDelayMs
  }

  set ackDelayMs(ms: number) {
    this.#ackDelayMs = ms
    this.#switchAcks()
  }

  get dropAcks(): boolean {
    return this.#dropAcks
  }

  set dropAcks(on: boolean) {
    this.#dropAcks = on
    this.#switchAcks()
  }

  get dropFrames(): boolean {
    return this.#swallowing !== undefined
  }

  set dropFrames(on: boolean) {
    if (on === this.dropFrames) return
    this.#swallowing?.lift()
    this.#swallowing = on ? this.#silence('swallowed', {}) : undefined
  }

  get all(): readonly Fault[] {
    return this.#troubles.all.filter((trouble) => trouble !== this.#switchedAcks && trouble !== this.#swallowing)
  }

  lift(): void {
    this.#troubles.lift()
    this.dropFrames = false
    this.dropAcks = false
    this.ackDelayMs = 0
    this.phoneReceipts = false
    this.isNetworkUp = true
    this.#unreadable.clear()
  }

  on(where: Where = {}): StanzaFaults {
    return stanzaFaults(where, (rule) => {
      const trouble = this.#troubles.add(rule.what, rule.times)
      this.#rules.add({ where, act: rule.act, trouble })
      return trouble
    })
  }

  onKeys(of: { phone?: string; device?: number } = {}): KeyFaults {
    return this.#keys.faultsFor(of, (what, times) => this.#troubles.add(what, times))
  }

  takeKeyFault(phone: string, device: number): KeyFault | undefined {
    return this.#keys.take(phone, device)
  }

  kick(phone: string, reason: KickReason = 'drop', { device }: { device?: number } = {}): void {
    for (const connection of this.#connectionsOf(phone)) {
      if (device === undefined || connection.who?.device === device) endWith(connection, reason)
    }
  }

  kickAll(reason: KickReason = 'drop'): void {
    for (const connection of this.#around.connections()) endWith(connection, reason)
  }

  network(up: boolean): void {
    this.isNetworkUp = up
    if (!up) this.kickAll('drop')
  }

  blackhole(line: Line = {}): Fault {
    return this.#silence('lost', line)
  }

  stall(line: Line = {}): Fault {
    return this.#silence('held', line)
  }

  connecting(answer: ConnectAnswer, times?: number): Fault {
    const trouble = this.#troubles.add(`those who connect find: ${answer}`, times)
    return this.#aim(this.#answers, undefined, answer, trouble)
  }

  /** What the next one finds who connects; undefined when all is well. */
  takeAnswer(): ConnectAnswer | undefined {
    return take(this.#answers, undefined)
  }

  certificates(flaw: CertificateFlaw, times?: number): Fault {
    const trouble = this.#troubles.add(`those who shake hands see certificates with a flaw: ${flaw}`, times)
    return this.#aim(this.#flaws, undefined, flaw, trouble)
  }

  /** What the server shows to the next one who says hello. */
  credentials(): Credentials {
    const flaw = take(this.#flaws, undefined)
    return flaw ? flawed(this.#around.keys, flaw) : this.#around.keys
  }

  rejectNext(code: number): void {
    this.refuseLogins({ reason: code }, 1)
  }

  refuseLogins({ phone, ...refusal }: LoginRefusal & { phone?: string }, times?: number): Fault {
    const trouble = this.#troubles.add(`logins of ${phone ?? 'all'} are refused: ${refusal.reason}`, times)
    return this.#aim(this.#refusals, phone, refusal, trouble)
  }

  takeLoginRefusal(phone: string): LoginRefusal | undefined {
    return take(this.#refusals, phone)
  }

  failNextDecrypt(phone: string, times = 1): void {
    this.#unreadable.set(phone, (this.#unreadable.get(phone) ?? 0) + times)
  }

  takeDecryptFailure(phone: string): boolean {
    const left = this.#unreadable.get(phone) ?? 0
    if (left > 0) this.#unreadable.set(phone, left - 1)
    return left > 0
  }

  refuseNextMessage(phone: string, code: number): void {
    this.on({ phone, direction: 'from-client', tag: 'message' }).refuse(code, {}, 1)
  }

  drainPreKeys(phone: string, { device, left = 0 }: { device?: number; left?: number } = {}): void {
    this.#around.drainPreKeys(phone, device, left)
  }

  timelock(phone: string, lock: Timelock | undefined): void {
    this.#around.timelock(phone, lock)
  }

  treatNacks(treatment: NackTreatment, { phone }: { phone?: string } = {}, times?: number): Fault {
    const trouble = this.#troubles.add(`messages that ${phone ?? 'anybody'} refuses: ${treatment}`, times)
    return this.#aim(this.#nacks, phone, treatment, trouble)
  }

  takeNackTreatment(phone: string): NackTreatment | undefined {
    return take(this.#nacks, phone)
  }

  malformed(phone: string, kind: MalformedKind): void {
    for (const connection of this.#connectionsOf(phone)) sendMalformed(connection, kind, this.#around.random)
  }

  /** A socket has come, or it has become known whose it is. */
  settle(connection: Connection): void {
    this.#lines.settle(connection)
  }

  concerns(direction: Direction): boolean {
    return this.#rules.concerns(direction)
  }

  passage(direction: Direction, around: Surroundings): Passage {
    return new Passage(direction, this.#rules, this.#around.clock, this.#around.random, around)
  }

  /** The two switches are one fault: what is lost is not held back. */
  #switchAcks(): void {
    this.#switchedAcks?.lift()
    this.#switchedAcks = undefined
    const acks = this.on({ direction: 'to-client', tag: 'ack', class: 'message' })
    const fault = this.#dropAcks ? acks.drop() : this.#ackDelayMs > 0 ? acks.delay(this.#ackDelayMs) : undefined
    this.#switchedAcks = this.#troubles.all.find((trouble) => trouble === fault)
  }

  #silence(how: Silence, line: Line): Trouble {
    const whose = line.phone ?? 'all'
    const trouble = this.#troubles.add(`${line.direction ?? 'both directions'} of ${whose}: ${how}`)
    this.#lines.add({ line, how, trouble })
    return trouble
  }

  #aim<T>(list: Aimed<T>[], phone: string | undefined, what: T, trouble: Trouble): Fault {
    const aimed = { phone, what, trouble }
    list.push(aimed)
    trouble.onLifted(() => list.splice(list.indexOf(aimed), 1))
    return trouble
  }

  #connectionsOf(phone: string): Connection[] {
    return [...this.#around.connections()].filter(({ who }) => who?.phone === phone)
  }
}

/** The oldest one that is for this account. */
function take<T>(list: readonly Aimed<T>[], phone: string | undefined): T | undefined {
  return list.find((aimed) => (aimed.phone === undefined || aimed.phone === phone) && aimed.trouble.strikes())?.what
}

function endWith(connection: Connection, reason: KickReason): void {
  if (reason === 'drop') connection.drop()
  else connection.end(goodbye(reason))
}
