import type { BinaryNode } from '@whiskeysockets/baileys'
import { child, children, el } from '../stream/nodes.ts'
import { type Account, aliasOf } from '../world/accounts.ts'
import { type Address, other, parseJid, type Space, toJid } from '../world/jids.ts'
import type { Login } from '../world/login.ts'
import { isTimelocked } from '../world/timelock.ts'
import type { World } from '../world/world.ts'
import { messageAck, type Verdict } from './acks.ts'
import { deliverToGroup } from './group-messages.ts'
import { commonAttrs, companionsOf } from './message-nodes.ts'
import type { Subject } from './registry.ts'

/** Messages from companions: cut up into one stanza per device, committed, acknowledged, delivered. In this order. */
export function messages(world: World): Subject {
  return {
    stanzas: {
      message: (login, node) => {
        login.send(messageAck(node, world.clock.seconds(), deliver(world, login, node)))
      },
    },
  }
}

/** Commits the stanza for all its receivers. */
function deliver(world: World, login: Login, node: BinaryNode): Verdict {
  const to = parseJid(node.attrs.to)
  if (!to) return { error: 400 }
  if (to.kind === 'broadcast' || to.kind === 'newsletter') return {}
  if (to.kind === 'group') return deliverToGroup(world, login, node)
  const receiver = world.accounts.byJid(node.attrs.to)
  if (!receiver) return { error: 404 }
  const space: Space = to.kind === 'lid' ? 'lid' : 'pn'
  const stanza = { world, login, node, sender: world.accounts.require(login.phone), space }
  if (child(node, 'participants') && isTimelocked(world, stanza.sender, receiver)) return { error: 463 }
  // Resends to one device, and housekeeping for the own phone, carry no token.
  if (child(node, 'participants') && !world.tokens.admits(stanza.sender, receiver, node)) return { error: 463 }
  world.post.commit(() => {
    const direct = children(node, 'enc')
    if (direct.length > 0) deliverDirect(stanza, receiver, to, direct)
    for (const entry of children(child(node, 'participants'), 'to')) {
      const device = parseJid(entry.attrs.jid)
      const owner = world.accounts.byJid(entry.attrs.jid)
      if (!device || !owner || !world.exists(owner.phone, device.device)) continue
      if (device.device === 0 && isConfirmedUnread(stanza, owner, node.attrs.to)) continue
      const isOwn = owner.phone === login.phone
      // Who is blocked is not told: the server takes the message, and that is the end of it.
      if (world.circle.isBlocked(owner.phone, login.phone)) continue
      const chat = node.attrs.recipient ?? node.attrs.to
      const message = isOwn ? ownCopy(stanza, chat, children(entry)) : forPerson(stanza, children(entry))
      world.post.queue(owner.phone, device.device, message)
    }
  })
  return {}
}

interface Stanza {
  readonly world: World
  readonly login: Login
  readonly node: BinaryNode
  readonly sender: Account
  readonly space: Space
}

/** Blind contacts and what is copied of messages to them: confirmed in the commit of the message, and never queued. */
function isConfirmedUnread({ world, login, node, sender, space }: Stanza, owner: Account, chat?: string): boolean {
  const origin = { author: sender, device: login.device, space, group: undefined }
  const partner = owner.phone === login.phone ? world.accounts.byJid(chat) : undefined
  const recipient = partner && toJid(partner, space)
  return world.handset(owner.phone).confirmsUnread(origin, { id: node.attrs.id ?? '', recipient, isPeer: false })
}

/** One ciphertext for one device: the resend that a retry receipt asked for, or housekeeping for the own phone. */
function deliverDirect(stanza: Stanza, receiver: Account, to: Address, encs: BinaryNode[]): void {
  const { world, node, login } = stanza
  if (!world.exists(receiver.phone, to.device) || world.circle.isBlocked(receiver.phone, login.phone)) return
  const isPeer = node.attrs.category === 'peer'
  const isOwn = receiver.phone === login.phone && !isPeer
  const message = isOwn ? ownCopy(stanza, node.attrs.recipient, encs) : forPerson(stanza, encs)
  if (isPeer) message.attrs.category = 'peer'
  world.post.queue(receiver.phone, to.device, message)
}

/** `from` keeps the device: it is the address of the Signal session. */
function forPerson(stanza: Stanza, encs: BinaryNode[]): BinaryNode {
  const { login, node, sender, space, world } = stanza
  const attrs = {
    from: toJid(sender, space, login.device),
    ...commonAttrs(world, node, sender),
    [space === 'pn' ? 'sender_lid' : 'sender_pn']: toJid(sender, other(space)),
  }
  return el('message', attrs, [...encs, ...companionsOf(node, encs)])
}

/**
 * Without sender_lid or sender_pn: Baileys takes those for the other name of the chat, and would map the person
 * written to onto the writer.
 */
function ownCopy(stanza: Stanza, chat: string | undefined, encs: BinaryNode[]): BinaryNode {
  const { login, node, sender, space, world } = stanza
  const partner = world.accounts.byJid(chat)
  const attrs = {
    from: toJid(sender, space, login.device),
    ...commonAttrs(world, node, sender),
    recipient: partner ? toJid(partner, space) : chat,
    [space === 'pn' ? 'peer_recipient_lid' : 'peer_recipient_pn']: partner && aliasOf(partner, space),
  }
  return el('message', attrs, [...encs, ...companionsOf(node, encs)])
}
