import { proto } from '@whiskeysockets/baileys'
import { unlink } from '../stanzas/pairing.ts'
import { el } from '../stream/nodes.ts'
import { aliasOf, newIdentity } from './accounts.ts'
import { toJid } from './jids.ts'
import type { World } from './world.ts'

const { LIDMigrationMappingSyncPayload, Message } = proto

/** A new phone with the same number: other keys, no old sessions, no companions. Those who know the account are told. */
export async function reinstall(world: World, phone: string): Promise<void> {
  await world.handset(phone).settled()
  for (const { device } of [...world.devices.of(phone)]) unlink(world, phone, device)
  world.post.commit(() => {
    for (const table of ['sessions', 'sender_keys', 'sender_keys_sent']) {
      world.store.run(`DELETE FROM ${table} WHERE owner = ?`, phone)
    }
    world.store.run('DELETE FROM pre_keys WHERE phone = ?', phone)
    const account = world.accounts.update(phone, { identity: newIdentity(world.random, phone) })
    const from = aliasOf(account, 'pn') ?? toJid(account, 'pn')
    for (const who of world.devices.watchersOf(phone)) {
      if (!world.devices.get(who.phone, who.device)) continue
      world.post.queue(who.phone, who.device, world.notification('encrypt', from, [el('identity')]))
    }
  })
}

/**
 * The chats of an account move from its number to its lid: it writes under the lid from now on, and the phones that
 * chat with it tell their companions which lid the number has, as Baileys reads it from LID_MIGRATION_MAPPING_SYNC.
 */
export async function migrateToLid(world: World, phone: string): Promise<void> {
  const { settings } = world.accounts.require(phone)
  const account = world.accounts.update(phone, { settings: { ...settings, lid: 'first' } })
  // Both have at most 15 digits, which a number holds exactly.
  const mapping = { pn: Number(account.phone), assignedLid: Number(account.lid) }
  const payload = { pnToLidMappings: [mapping], chatDbMigrationTimestamp: world.clock.seconds() }
  const encodedMappingPayload = LIDMigrationMappingSyncPayload.encode(payload).finish()
  const message: proto.IMessage = {
    protocolMessage: {
      type: Message.ProtocolMessage.Type.LID_MIGRATION_MAPPING_SYNC,
      lidMigrationMappingSyncMessage: { encodedMappingPayload },
    },
  }
  for (const partner of world.mail.partnersOf(phone)) {
    if (world.accounts.get(partner)?.kind !== 'phone') continue
    for (const { device } of world.devices.of(partner)) {
      await world.handset(partner).tellCompanion(device, () => [message])
    }
  }
}
