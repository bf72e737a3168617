import { Socket, type TcpNetConnectOpts } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { WA_CERT_DETAILS } from '@whiskeysockets/baileys'

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1|\[::1\]|::ffff:127(\.\d+){3})$/
const WHATSAPP_HOST = /(^|\.)whatsapp\.(net|com)$/
const WHATSAPP_ORIGIN = 'https://web.whatsapp.com'
const allowed = new Set<string>()
let isGuarded = false
let leads: { readonly host: string; readonly port: number } | undefined
let ownAuthorities: readonly string[] | undefined
const authorities = new Set<string>()

export interface TrustOptions {
  /** A host name or IP, besides loopback, of an emulator that runs in a container next door. */
  readonly address?: string
  /**
   * Where the emulator is reached with TLS, and its CA as PEM: its own `tls`. With it this process's connections to
   * WhatsApp's hosts (`web.whatsapp.com`, `mmg.whatsapp.net`, `pps`, `media-…`) end at that emulator, and its CA is
   * trusted. Files of which a message says only the path, such as histories, are then found with no configuration.
   */
  readonly tls?: { readonly controlUrl: string; readonly ca: string }
}

/**
 * Makes this process's Baileys accept the certificates of an emulator, and refuse to dial anybody else's WhatsApp.
 *
 * Both are process-wide and for good. The root is a constant of Baileys that is replaced in memory: from now on a
 * socket to the real WhatsApp would trust the emulator's root, so such sockets may reach loopback only, or `address`,
 * or are led to the emulator when it is told where that is: `trustEmulator(emulator.rootPublicKey, emulator)`. The one
 * named last is the one led to. All other traffic is left alone.
 *
 * @throws TypeError when the key is not 32 raw bytes.
 */
export function trustEmulator(rootPublicKey: Uint8Array, options: string | TrustOptions = {}): void {
  if (rootPublicKey.length !== 32) throw new TypeError('The root key of an emulator is 32 bytes long.')
  const { address, tls } = typeof options === 'string' ? { address: options } : options
  // A literal to TypeScript; at run time a plain object that Baileys' handshake reads each time.
  const details = WA_CERT_DETAILS as { PUBLIC_KEY: Uint8Array }
  details.PUBLIC_KEY = Buffer.from(rootPublicKey)
  if (address !== undefined) allowed.add(address)
  if (tls) {
    const { hostname, port } = new URL(tls.controlUrl)
    const host = hostname.replace(/^\[|\]$/g, '')
    allowed.add(host)
    leads = { host, port: Number(port || 443) }
    trustAuthority(tls.ca)
  }
  if (!isGuarded) guardSockets()
  isGuarded = true
}

/** Added to those that Node trusts: other connections of the process go on as they were. */
function trustAuthority(ca: string): void {
  if (authorities.has(ca)) return
  authorities.add(ca)
  ownAuthorities ??= getCACertificates('default')
  setDefaultCACertificates([...ownAuthorities, ...authorities])
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
    const destination = destinationIn(args)
    if (isWhatsApp(destination) && leads) return Reflect.apply(connect, this, redirected(args, leads))
    const refused = refusal(destination)
    if (refused === undefined) return connect.apply(this, args)
    return Reflect.apply(connect, this, [deadEnd(new Error(refused))])
  }
  // The overloads of `connect` cannot be spelled in one signature; the arguments are passed on as they came.
  Socket.prototype.connect = guarded as typeof connect
}

/** The same call with another end. The name that is looked for in the certificate is not part of it and stays. */
function redirected(args: readonly unknown[], { host, port }: { host: string; port: number }): unknown[] {
  const given = Array.isArray(args[0]) ? (args[0] as unknown[]) : args
  const [first] = given
  const told = given.find((each) => typeof each === 'function')
  const options = typeof first === 'object' && first !== null ? first : {}
  return [{ ...options, host, port, hostname: host, lookup: undefined, path: null }, told]
}

/** A name that cannot be resolved, which all callers survive. TLS does not survive a socket that is destroyed at once. */
function deadEnd(error: Error): TcpNetConnectOpts {
  return { host: 'refused.invalid', port: 1, lookup: (_name, _options, tell) => tell(error, []) }
}

function refusal(destination: Destination): string | undefined {
  const { host, path } = destination
  if (path || host === undefined || LOOPBACK.test(host) || allowed.has(host)) return undefined
  if (!isWhatsApp(destination) && !isBaileys(destination)) return undefined
  return `${host} was not dialled: this process trusts an emulator's certificates.`
}

function isWhatsApp({ host, path }: Destination): boolean {
  return !path && host !== undefined && WHATSAPP_HOST.test(host)
}

/** Baileys names its origin; `ws` hands the headers of its request down to the socket. */
function isBaileys({ headers }: Destination): boolean {
  return headers?.Origin === WHATSAPP_ORIGIN
}

/** `net.connect` passes its arguments on as one array; others call with options, with a port and host, or a path. */
function destinationIn(args: readonly unknown[]): Destination {
  const [first, second] = Array.isArray(args[0]) ? (args[0] as unknown[]) : args
  if (typeof first === 'object' && first !== null) return first
  return typeof second === 'string' ? { host: second } : {}
}
