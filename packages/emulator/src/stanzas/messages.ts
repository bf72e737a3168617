import type { BinaryNode } from '@whiskeysockets/baileys'
import { child, children, el } from '../stream/nodes.ts'
import type { Account } from '../world/accounts.ts'
import { type Address, other, parseJid, type Space, toJid } from '../world/jids.ts'
import type { Login } from '../world/login.ts'
import type { World } from '../world/world.ts'
import type { Subject } from './registry.ts'

/** Messages from companions: cut up into one stanza per device, committed, acknowledged, delivered. In this order. */
export function messages(world: World): Subject {
  return {
    stanzas: {
      message: (login, node) => {
        const refusal = world.faults.takeRefusal(login.phone)
        const error = refusal ?? deliver(world, login, node)
        acknowledge(world, login, node, error)
      },
    },
  }
}

/** Commits the stanza for all its receivers. Returns an error code when it cannot be delivered to anybody. */
function deliver(world: World, login: Login, node: BinaryNode): number | undefined {
  const to = parseJid(node.attrs.to)
  if (!to) return 400
  if (to.kind === 'broadcast' || to.kind === 'newsletter') return undefined
  if (to.kind === 'group') return deliverToGroup(world, login, node)
  const receiver = world.accounts.byJid(node.attrs.to)
  if (!receiver) return 404
  const space: Space = to.kind === 'lid' ? 'lid' : 'pn'
  const stanza = { world, login, node, sender: world.accounts.require(login.phone), space }
  world.post.commit(() => {
    const direct = children(node, 'enc')
    if (direct.length > 0) deliverDirect(stanza, receiver, to, direct)
    for (const entry of children(child(node, 'participants'), 'to')) {
      const device = parseJid(entry.attrs.jid)
      const owner = world.accounts.byJid(entry.attrs.jid)
      if (!device || !owner || !world.exists(owner.phone, device.device)) continue
      const isOwn = owner.phone === login.phone
      const message = isOwn ? ownCopy(stanza, node.attrs.to, children(entry)) : forPerson(stanza, children(entry))
      world.post.queue(owner.phone, device.device, message)
    }
  })
  return undefined
}

interface Stanza {
  readonly world: World
  readonly login: Login
  readonly node: BinaryNode
  readonly sender: Account
  readonly space: Space
}

/** One ciphertext for one device: the resend that a retry receipt asked for, or housekeeping for the own phone. */
function deliverDirect(stanza: Stanza, receiver: Account, to: Address, encs: BinaryNode[]): void {
  const { world, node, login } = stanza
  if (!world.exists(receiver.phone, to.device)) return
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
    [space === 'pn' ? 'peer_recipient_lid' : 'peer_recipient_pn']: partner && toJid(partner, other(space)),
  }
  return el('message', attrs, [...encs, ...companionsOf(node, encs)])
}

function deliverToGroup(world: World, login: Login, node: BinaryNode): number | undefined {
  const group = world.groups.get(node.attrs.to ?? '')
  if (!group) return 404
  const members = world.groups.members(group.id)
  const role = members.get(login.phone)
  if (!role || (group.isAnnouncement && role === 'member')) return 403
  const sender = world.accounts.require(login.phone)
  const space = group.addressing
  const attrs = {
    from: group.id,
    participant: toJid(sender, space, login.device),
    [space === 'pn' ? 'participant_lid' : 'participant_pn']: toJid(sender, other(space)),
    addressing_mode: space,
    ...commonAttrs(world, node, sender),
  }
  const shared = children(node, 'enc')
  const personal = new Map<string, BinaryNode[]>()
  for (const entry of children(child(node, 'participants'), 'to')) {
    const owner = world.accounts.byJid(entry.attrs.jid)
    if (owner) personal.set(`${owner.phone}:${parseJid(entry.attrs.jid)?.device ?? 0}`, children(entry))
  }
  const only = node.attrs.participant === undefined ? undefined : parseJid(node.attrs.participant)
  const onlyAccount = world.accounts.byJid(node.attrs.participant)
  world.post.commit(() => {
    for (const phone of members.keys()) {
      for (const device of world.devices.numbersOf(phone)) {
        if (phone === login.phone && device === login.device) continue
        if (only && (onlyAccount?.phone !== phone || only.device !== device)) continue
        // The sender key first: the text cannot be read without it.
        const encs = [...(personal.get(`${phone}:${device}`) ?? []), ...shared]
        world.post.queue(phone, device, el('message', attrs, [...encs, ...companionsOf(node, encs)]))
      }
    }
  })
  return undefined
}

function commonAttrs(world: World, node: BinaryNode, sender: Account) {
  const { id, type, edit } = node.attrs
  return { id, type, edit, t: world.clock.seconds(), notify: sender.name ?? sender.phone }
}

/** What travels beside the ciphertexts; the proof of the link only where a session begins. */
function companionsOf(node: BinaryNode, encs: readonly BinaryNode[]): BinaryNode[] {
  const isFirst = encs.some(({ attrs }) => attrs.type === 'pkmsg')
  return children(node).filter(({ tag }) => tag === 'meta' || (isFirst && tag === 'device-identity'))
}

function acknowledge(world: World, login: Login, node: BinaryNode, error: number | undefined): void {
  const { faults } = world
  if (faults.dropAcks) return
  const to = parseJid(node.attrs.to)
  const from = to && to.device > 0 ? node.attrs.to?.replace(`:${to.device}@`, '@') : node.attrs.to
  const { id, participant } = node.attrs
  const ack = el('ack', { class: 'message', id, from, t: world.clock.seconds(), participant, error })
  const delay = faults.ackDelayMs
  if (delay === 0) {
    login.send(ack)
    return
  }
  login.ackTail = login.ackTail.then(async () => {
    await new Promise<void>((resolve) => world.clock.after(delay, resolve))
    login.send(ack)
  })
}
