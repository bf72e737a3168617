import { el } from '../stream/nodes.ts'
import { type Space, toJid } from './jids.ts'
import type { Heard } from './mailbox.ts'
import type { World } from './world.ts'

/**
 * The person reads or plays messages: their authors are told, if both sides want that, and the person's own companions. In
 * one commit. Throws when one of the messages never arrived.
 */
export function confirmMessages(world: World, phone: string, ids: readonly string[], type: 'read' | 'played'): void {
  const known = ids.flatMap((id) => {
    const found = world.mail.heard(phone, id).filter(({ from }) => from !== phone)
    if (found.length === 0) throw new Error(`${phone} has not received a message ${id}.`)
    return found
  })
  world.post.commit(() => {
    for (const heard of known) confirm(world, phone, heard, type)
  })
  world.mail.announceReceipts()
}

function confirm(world: World, phone: string, { id, from, chat, raw }: Heard, type: 'read' | 'played'): void {
  const group = chat.endsWith('@g.us') ? world.groups.get(chat) : undefined
  const space: Space = group?.addressing ?? (/ from='[^']*@lid'/.test(raw) ? 'lid' : 'pn')
  const self = toJid(world.accounts.require(phone), space)
  const author = toJid(world.accounts.require(from), space)
  const attrs = { id, t: world.clock.seconds() }
  const names = group ? { from: chat, participant: self } : { from: self }
  const own = group ? names : { ...names, recipient: author }
  world.queueToAll(phone, el('receipt', { ...own, ...attrs, type: `${type}-self` }))
  if (group || world.circle.tells(from, phone, type)) {
    world.confirm(from, phone, el('receipt', { ...names, ...attrs, type }), [id])
  }
}
