import type { BinaryNode } from '@whiskeysockets/baileys'
import { AUTH_MS } from '../media/links.ts'
import { el } from '../stream/nodes.ts'
import type { Login } from '../world/login.ts'
import type { World } from '../world/world.ts'
import type { Subject } from './registry.ts'

/** After this many seconds clients ask again which hosts there are. */
const TTL = 300

/** Where media is uploaded to and downloaded from. */
export function media(world: World): Subject {
  const connect = (login: Login): BinaryNode[] => {
    const hosts = mediaHosts(login.connection.host, world.options.port).map((hostname, index) =>
      el('host', {
        hostname,
        type: index === 0 ? 'primary' : 'fallback',
        maxContentLengthBytes: world.options.maxMediaBytes,
      }),
    )
    const attrs = { auth: world.media.authFor(login.phone), ttl: TTL, auth_ttl: AUTH_MS / 1000, max_buckets: 12 }
    return [el('media_conn', attrs, hosts)]
  }
  return { iqs: { 'w:m set media_conn': connect, 'w:m get media_conn': connect } }
}

const OTHER_NAME: Record<string, string> = { '127.0.0.1': 'localhost', localhost: '127.0.0.1' }

/**
 * The hosts for a client that reached us as `host`: the same name, because that one it can reach, and where there are
 * two names for us the other one as fallback. Who came as if to WhatsApp is led to us, and finds its media hosts here too.
 */
export function mediaHosts(host: string, port: number): string[] {
  if (/(^|\.)whatsapp\.(net|com)(:\d+)?$/.test(host)) return ['mmg.whatsapp.net', 'mmg-fallback.whatsapp.net']
  const [, name = host, given = String(port)] = /^(.*?)(?::(\d+))?$/.exec(host) ?? []
  const names = [name, ...(OTHER_NAME[name] ? [OTHER_NAME[name]] : [])]
  return names.map((each) => `${each}:${given}`)
}
