import type { XmlLogOptions } from './stanza-log.ts'
import type { ClockOptions } from './world/clock.ts'

export interface EmulatorOptions {
  /** 0, the default, takes any free port. */
  port?: number
  /** One more port, which `tls` then names; 0 takes any free one. `wss://` and HTTPS are served on `port` anyway. */
  tlsPort?: number
  /** 127.0.0.1 by default. The network has no passwords: leave it on loopback. */
  host?: string
  /** The one file of the network's state. Without it the state is in memory and ends with the process. */
  file?: string
  /**
   * Everything that the network makes up comes from this: keys of servers and people, ids, refs, invites. Two runs with
   * the same seed and the same calls then show the same. By default every run is its own.
   */
  seed?: string | number
  /** Stanzas that the emulator does not know become an error of `close()` and `assertQuiet()`. */
  strict?: boolean
  /** Gets one line for everything worth a warning. */
  log?: (line: string) => void
  /** Gets every stanza as XML, both ways, with an arrow and the device. */
  trace?: (line: string) => void
  /** Writes every stanza as XML into a file, both ways, with the time and the device. */
  xmlLog?: XmlLogOptions
  /** How long the first frame after the handshake is held back: 30 ms, for clients that switch keys late. */
  firstFrameDelayMs?: number
  /** How long a client may take until it has shown who it is: 60 s by the clock. Then its socket is cut. */
  handshakeTimeoutMs?: number
  /** How long the codes of one connection can be scanned: 160 s, as long as Baileys shows them. */
  qrRefTtlMs?: number
  /** How long `hears`, `received` and `connected` wait before they reject: 15 s. */
  patienceMs?: number
  /** Longest file that the media hosts take, in bytes as uploaded: 100 MB, what most types may have on WhatsApp. */
  maxMediaBytes?: number
  /** The network's clock: where it begins, and whether it stands still. The machine's time by default. */
  clock?: ClockOptions
  /** Tell new companions that chats are held by lid: clients that know about it then write to lids. On by default. */
  lidMigrated?: boolean
  /**
   * How long a chat state, such as `composing`, waits for a client that is not connected, and how long somebody types who
   * does not stop: 25 s, as long as WhatsApp shows it.
   */
  chatStateTtlMs?: number
  /** The server's switches, by number, that clients ask for when they log in: `{ 24941: '1' }`. None by default. */
  abProps?: Readonly<Record<string, string>>
  /**
   * The server claims to hold this many one-time keys of every companion, so that clients upload none: linking costs
   * them half the CPU then. Sessions are built on the signed keys alone. For load tests; 0, the default, tells the truth.
   */
  pretendPreKeys?: number
  /** How many patches of app state a client gets at a time, before it has to ask for more: 100. */
  appStatePage?: number
  /**
   * Histories and snapshots of app state lie on the media hosts, as with WhatsApp, and clients fetch them from there.
   * What they are told is a path on WhatsApp's own host, so those connections have to be led here (`trustEmulator` does
   * it in its process). Off by default: histories are part of the message then, and app state comes as patches.
   */
  syncByFile?: boolean
}

export type Settled = Required<Omit<EmulatorOptions, 'file' | 'seed' | 'tlsPort' | 'trace' | 'xmlLog'>> & {
  tlsPort: number | undefined
  file: string | undefined
  seed: string | number | undefined
  trace: ((line: string) => void) | undefined
  xmlLog: XmlLogOptions | undefined
}

export function withDefaults(options: EmulatorOptions): Settled {
  return {
    port: options.port ?? 0,
    tlsPort: options.tlsPort,
    host: options.host ?? '127.0.0.1',
    file: options.file,
    seed: options.seed,
    strict: options.strict ?? false,
    log: options.log ?? (() => undefined),
    trace: options.trace,
    xmlLog: options.xmlLog,
    // 20 of 28 runs of older clients ended early at 0 ms, none of 8 at 30 ms.
    firstFrameDelayMs: options.firstFrameDelayMs ?? 30,
    handshakeTimeoutMs: options.handshakeTimeoutMs ?? 60_000,
    // 60 s for the first of six codes, 20 s for each other.
    qrRefTtlMs: options.qrRefTtlMs ?? 160_000,
    patienceMs: options.patienceMs ?? 15_000,
    maxMediaBytes: options.maxMediaBytes ?? 100_000_000,
    clock: options.clock ?? {},
    lidMigrated: options.lidMigrated ?? true,
    chatStateTtlMs: options.chatStateTtlMs ?? 25_000,
    abProps: options.abProps ?? {},
    pretendPreKeys: options.pretendPreKeys ?? 0,
    appStatePage: options.appStatePage ?? 100,
    syncByFile: options.syncByFile ?? false,
  }
}
