/** What shall go wrong. All is well by default; every switch works from the next stanza on. */
export interface Faults {
  /** Holds the server's acks of messages back this long. Acks keep their order. */
  ackDelayMs: number
  /** Messages are delivered, but never acknowledged to their sender. */
  dropAcks: boolean
  /** Sockets stay open and say nothing any more, in both directions, as when a network dies silently. */
  dropFrames: boolean
  /** The phones that own the companions confirm what reaches them. Off: only companions send delivery receipts. */
  phoneReceipts: boolean
  /** Ends the connections of an account with a stream error: `515`, `503`, `replaced`, `device_removed` or `drop`. */
  kick(phone: string, reason?: KickReason): void
  /** Pulls the plug of all: sockets are cut and new ones are refused until it is up again. */
  network(up: boolean): void
  /** The next login is answered with this failure code, such as 401, 403, 405, 409 or 503. */
  rejectNext(code: number): void
  /** The next messages to this person cannot be read and are asked for again. */
  failNextDecrypt(phone: string, times?: number): void
  /** The next message of this person is refused with this code in the ack, such as 463 or 479; nobody receives it. */
  refuseNextMessage(phone: string, code: number): void
}

export const KICK_REASONS = ['515', '503', 'replaced', 'device_removed', 'xmlstreamend', 'drop'] as const
export type KickReason = (typeof KICK_REASONS)[number]

/** The faults as plain state; what acts on connections is given by the emulator. */
export class FaultState implements Faults {
  ackDelayMs = 0
  dropAcks = false
  phoneReceipts = true
  isNetworkUp = true
  #dropFrames = false
  readonly #rejections: number[] = []
  readonly #failures = new Map<string, number>()
  readonly #refusals = new Map<string, number[]>()
  readonly #act: FaultActions

  constructor(act: FaultActions) {
    this.#act = act
  }

  get dropFrames(): boolean {
    return this.#dropFrames
  }

  set dropFrames(on: boolean) {
    this.#dropFrames = on
    this.#act.mute(on)
  }

  kick(phone: string, reason: KickReason = 'drop'): void {
    this.#act.kick(phone, reason)
  }

  network(up: boolean): void {
    this.isNetworkUp = up
    if (!up) this.#act.cutAll()
  }

  rejectNext(code: number): void {
    this.#rejections.push(code)
  }

  takeRejection(): number | undefined {
    return this.#rejections.shift()
  }

  failNextDecrypt(phone: string, times = 1): void {
    this.#failures.set(phone, (this.#failures.get(phone) ?? 0) + times)
  }

  takeDecryptFailure(phone: string): boolean {
    const left = this.#failures.get(phone) ?? 0
    if (left > 0) this.#failures.set(phone, left - 1)
    return left > 0
  }

  refuseNextMessage(phone: string, code: number): void {
    this.#refusals.set(phone, [...(this.#refusals.get(phone) ?? []), code])
  }

  takeRefusal(phone: string): number | undefined {
    return this.#refusals.get(phone)?.shift()
  }
}

export interface FaultActions {
  kick(phone: string, reason: KickReason): void
  cutAll(): void
  mute(on: boolean): void
}
