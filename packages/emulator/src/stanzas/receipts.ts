import type { BinaryNode } from '@whiskeysockets/baileys'
import { goodbye } from '../faults/goodbyes.ts'
import { child, children, el } from '../stream/nodes.ts'
import { parseJid, type Space, toJid } from '../world/jids.ts'
import type { Login } from '../world/login.ts'
import type { World } from '../world/world.ts'
import type { Subject } from './registry.ts'

/** Receipts and acks from companions: they take stanzas off the queue, and receipts travel on to the author. */
export function receipts(world: World): Subject {
  return {
    stanzas: {
      receipt: (login, node) => {
        const { id, to, type, participant } = node.attrs
        const ids = [id ?? '', ...children(child(node, 'list'), 'item').map((item) => item.attrs.id ?? '')]
        world.post.commit(() => {
          if (type !== 'retry' && type !== 'server-error')
            world.post.received(login.phone, login.device, ids, login.sentUpTo)
          if (type !== undefined && PRIVATE.has(type)) world.told.confirmed(login.phone, login.device, ids)
          if (type === 'server-error') askForMedia(world, login, node)
          else forward(world, login, node, ids)
        })
        world.mail.announceReceipts()
        login.resume()
        login.send(el('ack', { class: 'receipt', id, from: to, type, participant }))
      },
      ack: (login, node) => {
        const { class: tag = '', id = '', type = '', error } = node.attrs
        const isRefusal = tag === 'message' && error !== undefined
        const treatment = isRefusal ? world.faults.takeNackTreatment(login.phone) : undefined
        if (treatment === 'close') login.connection.end(goodbye('ack', id))
        if (treatment === 'stall') world.post.stall(login.phone, login.device, id)
        if (treatment) return
        world.post.commit(() => world.post.acked(login.phone, login.device, tag, id, type))
        login.resume()
      },
    },
  }
}

/** Types that concern nobody but the server and the own phone. */
const PRIVATE = new Set(['peer_msg', 'hist_sync', 'inactive-self'])

/** What the account's other companions are told, so that a chat read on one of them is read on all. */
const SELF: Record<string, string> = {
  read: 'read-self',
  'read-self': 'read-self',
  played: 'played-self',
  'played-self': 'played-self',
}

function forward(world: World, login: Login, node: BinaryNode, ids: readonly string[]): void {
  const { to, participant, type, recipient } = node.attrs
  if (type !== undefined && PRIVATE.has(type)) return
  const target = parseJid(to)
  if (!target) return // Baileys leaves `to` out when it confirms an own copy in a chat whose lid it does not know
  const isGroup = target.kind === 'group'
  const author = world.accounts.byJid(isGroup ? participant : to)
  if (!author) return
  const authorAddress = parseJid(isGroup ? participant : to)
  const space: Space = authorAddress?.kind === 'lid' ? 'lid' : 'pn'
  const reader = world.accounts.require(login.phone)
  const attrs = {
    id: node.attrs.id,
    t: node.attrs.t ?? world.clock.seconds(),
    type: type === 'inactive' ? undefined : type,
    recipient,
  }
  if (type === 'retry' || type === 'enc_rekey_retry') {
    // To the device that wrote the message, from the device that cannot read it, with all it carries.
    const device = toJid(reader, space, login.device)
    const names = isGroup ? { from: to, participant: device } : { from: device }
    const receipt = el('receipt', { ...names, ...attrs }, children(node))
    if (authorAddress) world.post.queue(author.phone, authorAddress.device, receipt)
    return
  }
  // Named without device: clients use the name as the key of the chat.
  const person = toJid(reader, space)
  const names = isGroup ? { from: to, participant: person } : { from: person }
  const list = children(node, 'list')
  const self = SELF[type ?? '']
  if (self) {
    const own = isGroup ? names : { ...names, recipient: to }
    world.queueToAll(login.phone, el('receipt', { ...attrs, ...own, type: self }, list), login.device)
  }
  if (type === 'read-self' || type === 'played-self') return
  if (!isGroup && !world.circle.tells(author.phone, login.phone, type)) return
  const receipt = el('receipt', { ...names, ...attrs }, list)
  if (author.phone !== login.phone) world.confirm(author.phone, login.phone, receipt, ids)
  else if (type === 'sender') world.queueToAll(author.phone, receipt, login.device)
}

/** A file is gone from the server: the own phone is asked for it, whenever it is there. */
function askForMedia(world: World, login: Login, node: BinaryNode): void {
  const from = toJid(world.accounts.require(login.phone), 'pn', login.device)
  const attrs = { from, id: node.attrs.id, type: 'server-error', t: world.clock.seconds() }
  world.post.queue(login.phone, 0, el('receipt', attrs, children(node)))
}
