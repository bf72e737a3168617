import { Socket } from 'node:net'

const dialled = new Set<string>()
const connect = Socket.prototype.connect

// What every connection of the process goes through, whoever makes it.
function noted(this: Socket, ...args: Parameters<typeof connect>): Socket {
  dialled.add(destinationIn(args))
  return connect.apply(this, args)
}
Socket.prototype.connect = noted as typeof connect // the overloads of `connect` cannot be spelled in one signature

/**
 * Everybody this process has dialled since this file was loaded, loopback left out; also left out is the name that leads
 * nowhere, which `trustEmulator` puts in the place of a host that may not be dialled.
 */
export function strangersDialled(): string[] {
  return [...dialled].filter((host) => !/^(localhost|127\.0\.0\.1|::1|refused\.invalid)$/.test(host))
}

function destinationIn(args: readonly unknown[]): string {
  const [first, second] = Array.isArray(args[0]) ? (args[0] as unknown[]) : args
  if (typeof first === 'object' && first !== null && 'host' in first) return String(first.host)
  return typeof second === 'string' ? second : 'localhost'
}
