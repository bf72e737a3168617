import { type BinaryNode, proto } from '@whiskeysockets/baileys'
import { bytesOf, child, children, el } from '../stream/nodes.ts'
import { readMutation } from '../syncd/mutations.ts'
import { isCollection } from '../world/collections.ts'
import type { Login } from '../world/login.ts'
import type { World } from '../world/world.ts'
import type { Subject } from './registry.ts'

/** App state: encrypted patches that the server keeps in order and hands to the other companions, never reading them. */
export function appState(world: World): Subject {
  return {
    iqs: {
      'w:sync:app:state set sync': (login, iq) => {
        const collections = children(child(iq, 'sync'), 'collection')
        const answers = collections.map((collection) => exchange(world, login, collection))
        return [el('sync', {}, answers)]
      },
    },
  }
}

/**
 * Takes a patch, or hands out what the companion has not got. Clients read the codes of errors like this: 400 and 404
 * are final, 409 means that others were faster and comes with what they wrote, anything else may be tried again.
 */
function exchange(world: World, login: Login, collection: BinaryNode): BinaryNode {
  const { name, version: known = '0' } = collection.attrs
  if (!isCollection(name)) return refusal({ name }, 404, 'item-not-found')
  const { version } = world.appState.collections.head(login.phone, name)
  const from = Number(known)
  const upload = child(collection, 'patch')
  if (!upload) {
    const snapshot = collection.attrs.return_snapshot === 'true' ? snapshotOf(world, login.phone, name, version) : []
    if (snapshot.length > 0) return el('collection', { name, version, has_more_patches: 'false' }, snapshot)
    const { attrs, content } = patchesAfter(world, login.phone, name, from, version)
    return el('collection', attrs, content)
  }
  const patch = readPatch(bytesOf(upload))
  // A companion that is ahead of the server would be told to merge with nothing, again and again.
  if (!patch || !Number.isInteger(from) || from > version) return refusal({ name, version }, 400, 'bad-request')
  if (from < version) {
    const { attrs, content } = patchesAfter(world, login.phone, name, from, version)
    return refusal(attrs, 409, 'conflict', content)
  }
  return el('collection', { name, version: world.appState.accept(login.phone, login.device, name, patch) })
}

function refusal(
  attrs: Record<string, string | number | undefined>,
  code: number,
  text: string,
  content: BinaryNode[] = [],
): BinaryNode {
  return el('collection', { ...attrs, type: 'error' }, [el('error', { code, text }), ...content])
}

/** One page of patches; the version is that of the last one in it. */
function patchesAfter(world: World, phone: string, name: string, known: number, newest: number) {
  const rows = world.appState.collections.patchesAfter(phone, name, known, world.options.appStatePage)
  const version = rows.at(-1)?.version ?? newest
  const content =
    rows.length === 0
      ? []
      : [
          el(
            'patches',
            {},
            rows.map(({ bytes }) => el('patch', {}, bytes)),
          ),
        ]
  return { attrs: { name, version, has_more_patches: String(version < newest) }, content }
}

function snapshotOf(_world: World, _phone: string, _name: string, _version: number): BinaryNode[] {
  return []
}

/** Undefined when there is nothing in it that the server could keep. */
function readPatch(bytes: Buffer): proto.ISyncdPatch | undefined {
  try {
    const patch = proto.SyncdPatch.decode(bytes)
    const isWhole = patch.mutations.every((mutation) => readMutation(mutation) !== undefined)
    const isSomething = patch.mutations.length > 0 || patch.externalMutations != null
    return isWhole && isSomething && patch.patchMac && patch.snapshotMac ? patch : undefined
  } catch {
    return undefined // not a protobuf
  }
}
