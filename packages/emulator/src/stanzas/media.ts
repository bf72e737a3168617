import { el } from '../stream/nodes.ts'
import type { World } from '../world/world.ts'
import type { Subject } from './registry.ts'

/** Where media would be uploaded. The host is real enough to be parsed; nothing is served there yet. */
export function media(world: World): Subject {
  const connect = () => {
    const hostname = `${world.options.host}:${world.options.port}`
    const host = el('host', { hostname, type: 'primary', maxContentLengthBytes: 100_000_000 })
    return [el('media_conn', { auth: world.newId(), ttl: 3600, auth_ttl: 3600, max_buckets: 12 }, [host])]
  }
  return { iqs: { 'w:m set media_conn': connect, 'w:m get media_conn': connect } }
}
