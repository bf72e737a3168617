import { type BinaryNode, proto } from '@whiskeysockets/baileys'
import { bytesOf, child, children, el, SERVER } from '../stream/nodes.ts'
import type { Login } from '../world/login.ts'
import type { World } from '../world/world.ts'
import type { Subject } from './registry.ts'

/** App state: encrypted patches that the server keeps in order and hands to the other companions, never reading them. */
export function appState(world: World): Subject {
  return {
    iqs: {
      'w:sync:app:state set sync': (login, iq) => {
        const collections = children(child(iq, 'sync'), 'collection')
        return [
          el(
            'sync',
            {},
            collections.map((collection) => exchange(world, login, collection)),
          ),
        ]
      },
    },
  }
}

function exchange(world: World, login: Login, collection: BinaryNode): BinaryNode {
  const name = collection.attrs.name ?? ''
  const known = Number(collection.attrs.version ?? 0)
  const version = versionOf(world, login.phone, name)
  const patch = child(collection, 'patch')
  if (!patch)
    return el('collection', { name, version, has_more_patches: 'false' }, patchesSince(world, login, name, known))
  if (known !== version) {
    const attrs = { name, version, type: 'error', has_more_patches: 'false' }
    return el('collection', attrs, [
      el('error', { code: 409, text: 'conflict' }),
      ...patchesSince(world, login, name, known),
    ])
  }
  world.post.commit(() => {
    world.store.run(
      'INSERT INTO app_state (phone, collection, version, patch) VALUES (?, ?, ?, ?)',
      login.phone,
      name,
      version + 1,
      bytesOf(patch),
    )
    const changed = el('collection', { name, version: version + 1 })
    world.queueToAll(login.phone, world.notification('server_sync', SERVER, [changed]), login.device)
  })
  return el('collection', { name, version: version + 1 })
}

function patchesSince(world: World, login: Login, name: string, known: number): BinaryNode[] {
  const rows = world.store.all<{ version: number; patch: Buffer }>(
    'SELECT version, patch FROM app_state WHERE phone = ? AND collection = ? AND version > ? ORDER BY version',
    login.phone,
    name,
    known,
  )
  if (rows.length === 0) return []
  const patches = rows.map(({ version, patch }) => {
    // Without a version in it, a client counts every patch as the next one after its own.
    const whole = { ...proto.SyncdPatch.decode(patch), version: { version } }
    return el('patch', {}, proto.SyncdPatch.encode(whole).finish())
  })
  return [el('patches', {}, patches)]
}

function versionOf(world: World, phone: string, name: string): number {
  const sql = 'SELECT max(version) AS version FROM app_state WHERE phone = ? AND collection = ?'
  return world.store.first<{ version: number | null }>(sql, phone, name)?.version ?? 0
}
