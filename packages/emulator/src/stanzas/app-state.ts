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
    const snapshot = collection.attrs.return_snapshot === 'true' ? snapshotOf(world, login.phone, name) : []
    if (snapshot.length > 0) return el('collection', { name, version, has_more_patches: 'false' }, snapshot)
    const { attrs, content } = patchesAfter(world, login.phone, name, from, version)
    return el('collection', attrs, content)
  }
  const patch = readPatch(world, bytesOf(upload))
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

/** The collection in one piece, for a companion that begins: a file of its own, of which it is told the place. */
function snapshotOf(world: World, phone: string, name: string): BinaryNode[] {
  if (!world.options.syncByFile || world.appState.collections.head(phone, name).version === 0) return []
  const snapshot = proto.SyncdSnapshot.encode(world.appState.collections.snapshot(phone, name)).finish()
  const { directPath, mediaKey, fileSha256, fileEncSha256, fileLength } = world.post.commit(() =>
    world.media.put(snapshot, 'md-app-state'),
  )
  const place = { directPath, mediaKey, fileSha256, fileEncSha256, fileSizeBytes: fileLength }
  return [el('snapshot', {}, proto.ExternalBlobReference.encode(place).finish())]
}

/**
 * Undefined when there is nothing in it that the server could keep. Mutations that the companion has put on a media
 * host, because they are too many for a stanza, are fetched: the patch says how to open them.
 */
function readPatch(world: World, bytes: Buffer): proto.ISyncdPatch | undefined {
  try {
    const patch = proto.SyncdPatch.decode(bytes)
    const mutations = [...patch.mutations, ...fetched(world, patch)]
    const isWhole = mutations.length > 0 && mutations.every((mutation) => readMutation(mutation) !== undefined)
    return isWhole && patch.patchMac && patch.snapshotMac ? { ...patch, mutations, externalMutations: null } : undefined
  } catch {
    return undefined // not a protobuf, or a file that is not there
  }
}

function fetched(world: World, { externalMutations }: proto.ISyncdPatch): proto.ISyncdMutation[] {
  if (!externalMutations) return []
  return proto.SyncdMutations.decode(world.media.open(externalMutations, 'md-app-state')).mutations
}
