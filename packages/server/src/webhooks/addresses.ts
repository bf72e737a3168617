import ipaddr from 'ipaddr.js'

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number]

export const LOOPBACK = ['127.0.0.0/8', '::1/128']

/** Addresses that look public and lead back inside: IPv4 embedded in IPv6, local NAT64, site-local. */
const INSIDE: readonly Range[] = ['64:ff9b::/96', '64:ff9b:1::/48', '2002::/16', '2001::/32', 'fec0::/10', '::/96'].map(
  (range) => ipaddr.parseCIDR(range),
)

/** Which addresses may be reached by a URL that a user supplied: public ones, and what the operator opened. */
export class AddressPolicy {
  readonly #allowed: readonly Range[]

  /** @throws when an entry is neither an address nor a CIDR, naming it */
  constructor(allow: readonly string[]) {
    this.#allowed = allow.map(readRange)
  }

  allows(address: string): boolean {
    if (!ipaddr.isValid(address)) return false
    if (this.isOpened(address)) return true
    // An IPv4 address in IPv6 clothes is what it is underneath.
    const ip = ipaddr.process(address)
    return ip.range() === 'unicast' && !INSIDE.some((range) => isIn(ip, range))
  }

  /** Whether the address is in one of the ranges given, and not only public. */
  isOpened(address: string): boolean {
    const ip = ipaddr.process(address)
    return this.#allowed.some((range) => isIn(ip, range))
  }
}

function readRange(text: string): Range {
  try {
    if (text.includes('/')) return ipaddr.parseCIDR(text)
    const ip = ipaddr.parse(text)
    return [ip, ip.kind() === 'ipv4' ? 32 : 128]
  } catch {
    throw new TypeError(`"${text}" is not an address or a CIDR such as 10.1.0.0/16`)
  }
}

const isIn = (ip: ipaddr.IPv4 | ipaddr.IPv6, [network, bits]: Range) =>
  // match() of two kinds throws, so they are compared first.
  ip.kind() === network.kind() && (ip as ipaddr.IPv6).match(network as ipaddr.IPv6, bits)
