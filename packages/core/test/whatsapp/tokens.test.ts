import { decodeBinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { patchTokens } from '../../src/whatsapp/tokens.ts'

const INHERITED = Object.getOwnPropertyNames(Object.prototype)
/** What arrives of an id and of who took part. */
async function arrives(id: string): Promise<unknown> {
  const node = { tag: 'receipt', attrs: { id, participant: id }, content: id }
  const { attrs, content } = await decodeBinaryNode(encodeBinaryNode(node))
  return [attrs.id, attrs.participant, String(content)]
}

test('Baileys alone loses ids that every object has: else the patch can go', async () => {
  for (const id of ['constructor', 'toString']) expect(await arrives(id).catch(() => [])).not.toEqual([id, id, id])
})

test('ids that every object has arrive as they were, and so do words that have a token', async () => {
  patchTokens()
  for (const id of [...INHERITED, 'receipt', 'status@broadcast', 'M1']) expect(await arrives(id)).toEqual([id, id, id])
})
