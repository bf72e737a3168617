import { decodeBinaryNode } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { Store } from '../src/state/database.ts'
import { el } from '../src/stream/nodes.ts'
import { Post } from '../src/world/post.ts'

const ALICE = '15550001001'

function newPost() {
  const rung: string[] = []
  const store = new Store(undefined)
  return { post: new Post(store, (phone, device) => rung.push(`${phone}:${device}`)), rung, store }
}

async function idsIn(post: Post): Promise<(string | undefined)[]> {
  const nodes = await Promise.all(post.after(ALICE, 1, 0, 100).map(({ body }) => decodeBinaryNode(body)))
  return nodes.map(({ attrs }) => attrs.id)
}

test('bells ring once per device, and only after the commit', () => {
  const { post, rung } = newPost()
  post.commit(() => {
    post.queue(ALICE, 1, el('message', { id: 'a' }))
    post.queue(ALICE, 1, el('message', { id: 'b' }))
    expect(rung).toEqual([])
  })
  expect(rung).toEqual([`${ALICE}:1`])
})

test('a commit that fails leaves nothing and rings nobody', () => {
  const { post, rung } = newPost()
  const failing = () =>
    post.commit(() => {
      post.queue(ALICE, 1, el('message', { id: 'a' }))
      throw new Error('power cut')
    })
  expect(failing).toThrow('power cut')
  expect(rung).toEqual([])
  expect(post.total()).toBe(0)
  expect(() => post.queue(ALICE, 1, el('message', { id: 'a' }))).toThrow('in a commit only')
})

test('a receipt takes every copy that was sent, a refusal only the oldest', async () => {
  const { post } = newPost()
  post.commit(() => {
    for (const id of ['a', 'a', 'b', 'b']) post.queue(ALICE, 1, el('message', { id }))
  })
  post.received(ALICE, 1, ['a'], 2)
  expect(await idsIn(post)).toEqual(['b', 'b'])
  post.acked(ALICE, 1, 'message', 'b', '')
  expect(await idsIn(post)).toEqual(['b'])
  post.received(ALICE, 1, ['b'], 3)
  expect(await idsIn(post)).toEqual(['b']) // not sent yet on this connection
})

test('acks of receipts and notifications are told apart by their type', () => {
  const { post } = newPost()
  post.commit(() => {
    post.queue(ALICE, 1, el('receipt', { id: 'a' }))
    post.queue(ALICE, 1, el('receipt', { id: 'a', type: 'read' }))
  })
  post.acked(ALICE, 1, 'receipt', 'a', 'read')
  expect(post.after(ALICE, 1, 0, 100).map(({ type }) => type)).toEqual([''])
})

test('keys and history from the own phone are put behind what was missed', async () => {
  const { post } = newPost()
  post.commit(() => {
    post.queue(ALICE, 1, el('message', { id: 'history', category: 'peer' }))
    post.queue(ALICE, 1, el('message', { id: 'a' }))
    post.queue(ALICE, 1, el('receipt', { id: 'b' }))
  })
  const { counts, total, last } = post.missed(ALICE, 1)
  expect({ counts, total }).toEqual({ counts: { message: 1, receipt: 1 }, total: 2 })
  expect(await idsIn(post)).toEqual(['a', 'b', 'history'])
  expect(post.after(ALICE, 1, last, 100)).toHaveLength(1)
})
