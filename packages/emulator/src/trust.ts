import { Socket, type TcpNetConnectOpts } from 'node:net'
import { WA_CERT_DETAILS } from '@whiskeysockets/baileys'

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1|\[::1\]|::ffff:127(\.\d+){3})$/
const WHATSAPP_HOST = /(^|\.)whatsapp\.(net|com)$/
const WHATSAPP_ORIGIN = 'https://web.whatsapp.com'
const allowed = new Set<string>()
let isGuarded = false

/**
 * Makes this process's Baileys accept the certificates of an emulator, and refuse to dial anybody else's WhatsApp.
 *
 * Both are process-wide and for good. The root is a constant of Baileys that is replaced in memory: from now on a
 * socket to the real WhatsApp would trust the emulator's root, so such sockets may reach loopback only, or `address`,
 * a host name or IP for an emulator that runs in a container next door. All other traffic is left alone.
 *
 * @throws TypeError when the key is not 32 raw bytes.
 */
export function trustEmulator(rootPublicKey: Uint8Array, address?: string): void {
  if (rootPublicKey.length !== 32) throw new TypeError('The root key of an emulator is 32 bytes long.')
  // A literal to TypeScript; at run time a plain object that Baileys' handshake reads each time.
  const details = WA_CERT_DETAILS as { PUBLIC_KEY: Uint8Array }
  details.PUBLIC_KEY = Buffer.from(rootPublicKey)
  if (address !== undefined) allowed.add(address)
  if (!isGuarded) guardSockets()
  isGuarded = true
}

interface Destination {
  readonly host?: string
  /** Of a pipe. An `Agent` sets it to null. */
  readonly path?: string | null
  readonly headers?: Readonly<Record<string, unknown>>
}

function guardSockets(): void {
  const connect = Socket.prototype.connect
  function guarded(this: Socket, ...args: Parameters<typeof connect>): Socket {
    const refused = refusal(destinationIn(args))
    if (refused === undefined) return connect.apply(this, args)
    return Reflect.apply(connect, this, [deadEnd(new Error(refused))])
  }
  // The overloads of `connect` cannot be spelled in one signature; the arguments are passed on as they came.
  Socket.prototype.connect = guarded as typeof connect
}

/** A name that cannot be resolved, which all callers survive. TLS does not survive a socket that is destroyed at once. */
function deadEnd(error: Error): TcpNetConnectOpts {
  return { host: 'refused.invalid', port: 1, lookup: (_name, _options, tell) => tell(error, []) }
}

function refusal({ host, path, headers }: Destination): string | undefined {
  if (path || host === undefined || LOOPBACK.test(host) || allowed.has(host)) return undefined
  // Baileys names its origin; `ws` hands the headers of its request down to the socket.
  const isWhatsApp = WHATSAPP_HOST.test(host) || headers?.Origin === WHATSAPP_ORIGIN
  return isWhatsApp ? `${host} was not dialled: this process trusts an emulator's certificates.` : undefined
}

/** `net.connect` passes its arguments on as one array; others call with options, with a port and host, or a path. */
function destinationIn(args: readonly unknown[]): Destination {
  const [first, second] = Array.isArray(args[0]) ? (args[0] as unknown[]) : args
  if (typeof first === 'object' && first !== null) return first
  return typeof second === 'string' ? { host: second } : {}
}
