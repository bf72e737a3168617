/** What shall go wrong with files. All that is set happens to each transfer that it is meant for. */
export interface MediaFault {
  /** Only uploads, or only downloads. Both by default. */
  readonly on?: 'upload' | 'download'
  /** Only under this host name, without port: so the first host of `media_conn` can fail and its fallback work. */
  readonly host?: string
  /** Only files of this type, such as `image`. */
  readonly type?: string
  /** How often; until `recovers` by default. */
  readonly times?: number
  /** Waits this long first, in the network's time. */
  readonly delayMs?: number
  /** Answers with this status instead of taking or giving the file. */
  readonly status?: number
  /** Cuts the connection after so many bytes of the file, taken or given. */
  readonly cutAfter?: number
  /** Of downloads: gives out so many bytes, as if that was all. */
  readonly truncateTo?: number
  /** Of downloads: one bit of the first byte is wrong. */
  readonly corrupt?: boolean
}

export interface Transfer {
  readonly on: 'upload' | 'download'
  readonly host: string
  readonly type: string
}

/** The faults that were asked for, oldest first; the first one that fits a transfer is the one that happens. */
export class MediaFaults {
  #faults: { readonly fault: MediaFault; left: number }[] = []

  add(fault: MediaFault): void {
    this.#faults.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY })
  }

  clear(): void {
    this.#faults = []
  }

  take(transfer: Transfer): MediaFault {
    const found = this.#faults.find(({ fault, left }) => left > 0 && isMeant(fault, transfer))
    if (!found) return {}
    found.left -= 1
    this.#faults = this.#faults.filter(({ left }) => left > 0)
    return found.fault
  }
}

function isMeant({ on, host, type }: MediaFault, transfer: Transfer): boolean {
  return [
    [on, transfer.on],
    [host, transfer.host],
    [type, transfer.type],
  ].every(([wanted, actual]) => wanted === undefined || wanted === actual)
}
