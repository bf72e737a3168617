import { expect, test } from 'vitest'
import { withEmulator, withTrouble } from './baileys.ts'

const ALICE = '15550001001'
const BOB = '15550001002'
const MAX = '491234567890'

test('a contact that is known by its number only becomes known by its lid, and no session is lost', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX, { name: 'Max', lidMigrated: false })
    const alice = await client().link(emulator.phone(ALICE, { name: 'Alice' }))
    await max.says(ALICE, 'unter der Nummer')
    const { key: before } = await alice.hears('unter der Nummer')
    expect(before).toMatchObject({ remoteJid: `${MAX}@s.whatsapp.net` })
    expect(before.remoteJidAlt).toBeUndefined()
    expect(await alice.sock.signalRepository.lidMapping.getLIDForPN(`${MAX}@s.whatsapp.net`)).toBeNull()

    await max.migrates()
    await alice.until(() =>
      alice.messages.find(({ message }) => message?.protocolMessage?.lidMigrationMappingSyncMessage),
    )
    const { id } = await max.says(ALICE, 'unter der Lid')
    const { key: after } = await alice.hears('unter der Lid')
    expect(after).toMatchObject({ remoteJid: `${max.lid}@lid`, remoteJidAlt: `${MAX}@s.whatsapp.net` })
    await max.received(id)
    expect(await alice.sock.signalRepository.lidMapping.getLIDForPN(`${MAX}@s.whatsapp.net`)).toBe(`${max.lid}@lid`)
    await alice.says(MAX, 'an die alte Nummer')
    await max.hears('an die alte Nummer')
    await emulator.phone(ALICE).says(MAX, 'vom Telefon')
    await alice.until(() =>
      alice.messages.find(({ key, message }) => key.remoteJid === `${max.lid}@lid` && message?.conversation),
    )
    // Before, Baileys misses the lid.
    expect(alice.warnings.filter((line) => !line.includes('yielded no results'))).toEqual([])
  }))

test('a phone that is set up anew loses its companions, and those who know it reach it with its new keys', () =>
  withEmulator(async (emulator, client) => {
    const phone = emulator.phone(ALICE)
    const alice = await client().link(phone)
    const bob = await client().link(emulator.phone(BOB))
    await bob.says(ALICE, 'vorher')
    await alice.hears('vorher')
    await phone.hears('vorher')

    await phone.reinstall()
    expect(await alice.closed()).toBe(401)
    expect(phone.devices).toEqual([])
    await bob.says(ALICE, 'nachher')
    await phone.hears('nachher')
    const again = await client().link(phone)
    expect(phone.devices).toEqual([2])
    await bob.says(ALICE, 'auch auf dem neuen Gerät')
    await again.hears('auch auf dem neuen Gerät')
    await phone.hears('auch auf dem neuen Gerät')
    for (const { warnings } of [again, bob]) expect(warnings).toEqual([])
  }))
