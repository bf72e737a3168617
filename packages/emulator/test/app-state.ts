import {
  type BinaryNode,
  chatModificationToAppPatch,
  encodeSyncdPatch,
  newLTHashState,
  proto,
} from '@whiskeysockets/baileys'
import { child, children } from '../src/stream/nodes.ts'
import type { Client } from './baileys.ts'

/** The patch of `regular_low` that pins a chat, on top of nothing; it never leaves. */
export async function patchBy(client: Client, phone: string): Promise<Uint8Array> {
  const key = client.auth.creds.myAppStateKeyId ?? ''
  const { [key]: data } = await client.auth.keys.get('app-state-sync-key', [key])
  const create = chatModificationToAppPatch({ pin: true }, `${phone}@s.whatsapp.net`)
  const { patch } = await encodeSyncdPatch(create, key, newLTHashState(), async () => data)
  return proto.SyncdPatch.encode(patch).finish()
}

/** Sends a patch, or asks for them, and gives the collection that comes back. */
export async function sync(client: Client, attrs: Record<string, string>, patch?: Uint8Array): Promise<BinaryNode> {
  const content = patch ? [{ tag: 'patch', attrs: {}, content: patch }] : []
  const collection = { tag: 'collection', attrs: { name: 'regular_low', return_snapshot: 'false', ...attrs }, content }
  const answer = await client.sock.query({
    tag: 'iq',
    attrs: { to: '@s.whatsapp.net', xmlns: 'w:sync:app:state', type: 'set' },
    content: [{ tag: 'sync', attrs: {}, content: [collection] }],
  })
  const [first] = children(child(answer, 'sync'))
  if (!first) throw new Error('no collection came back')
  return first
}
