import { initAuthCreds } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { createEmulator, LinkingError } from '../src/index.ts'
import { Client, withEmulator } from './baileys.ts'

const ALICE = '15550001001'

test('a client links by a code that is typed on the phone', () =>
  withEmulator(async (emulator, client) => {
    const phone = emulator.phone(ALICE, { name: 'Alice' })
    const alice = client().connect()
    await alice.until(() => alice.qr)
    const code = await alice.sock.requestPairingCode(ALICE)
    expect(await phone.entersCode(code)).toEqual({ phone: ALICE, lid: phone.lid, device: 1 })
    await alice.opened()
    expect(alice.auth.creds.registered).toBe(true)
    expect(alice.warnings).toEqual([])
  }))

test('codes of one’s own choice work, in the form people read them', () =>
  withEmulator(async (emulator, client) => {
    const alice = client().connect()
    await alice.until(() => alice.qr)
    await alice.sock.requestPairingCode(ALICE, 'WAMUX123')
    await emulator.phone(ALICE).entersCode('wamu-x123')
    await alice.opened()
  }))

test('a wrong code links nobody and ends the connection', () =>
  withEmulator(async (emulator, client) => {
    const phone = emulator.phone(ALICE)
    const alice = client().connect()
    await alice.until(() => alice.qr)
    await alice.sock.requestPairingCode(ALICE)
    await expect(phone.entersCode('AAAAAAAA')).rejects.toThrow(LinkingError)
    expect(await alice.closed()).toBe(428)
    expect(phone.devices).toEqual([])
    // A client that comes back with half a link is not let in.
    alice.connect()
    await alice.until(() => alice.closes.length === 2)
    expect(alice.closes[1]).toBe(401)
  }))

test('nobody waits for a code that nobody asked for', () =>
  withEmulator(
    async (emulator) => {
      await expect(emulator.phone(ALICE).entersCode('ABCDEFGH')).rejects.toThrow('No client is waiting')
    },
    { patienceMs: 50 },
  ))

test('a QR code is good for the client that shows it, and once', () =>
  withEmulator(async (emulator, client) => {
    const phone = emulator.phone(ALICE)
    const alice = client().connect()
    const qr = await alice.until(() => alice.qr)
    const [ref] = qr.slice(qr.indexOf('#') + 1).split(',')
    const stranger = initAuthCreds()
    const keys = [stranger.noiseKey.public, stranger.signedIdentityKey.public].map((key) =>
      Buffer.from(key).toString('base64'),
    )
    const forged = [ref, ...keys, stranger.advSecretKey, '1'].join(',')
    await expect(phone.scans(forged)).rejects.toThrow('other keys')
    await phone.scans(qr)
    await alice.opened()
    await expect(phone.scans(qr)).rejects.toThrow('any more')
    await expect(phone.scans('hello')).rejects.toThrow('not the text of a WhatsApp QR code')
  }))

test('a QR code expires', async () => {
  const emulator = await createEmulator({ qrRefTtlMs: 0 })
  const alice = new Client(emulator).connect()
  const qr = await alice.until(() => alice.qr)
  await expect(emulator.phone(ALICE).scans(qr)).rejects.toThrow('expired')
  await alice.end()
  await emulator.close()
})

test('a phone with two companions sees both, and both get what the phone writes', () =>
  withEmulator(async (emulator, client) => {
    const phone = emulator.phone(ALICE)
    const max = emulator.contact('491234567890')
    const desk = await client().link(phone)
    const laptop = await client().link(phone)
    expect(phone.devices).toEqual([1, 2])
    await phone.says(max.phone, 'vom Telefon')
    for (const companion of [desk, laptop]) {
      const copy = await companion.until(() =>
        companion.messages.find(({ message }) => message?.conversation === 'vom Telefon'),
      )
      expect(copy.key).toMatchObject({ fromMe: true, remoteJid: `${max.phone}@s.whatsapp.net` })
    }
    await max.hears('vom Telefon')

    const id = await desk.says(max.phone, 'vom Schreibtisch')
    const copy = await laptop.until(() => laptop.messages.find(({ key }) => key.id === id))
    expect(copy.key.fromMe).toBe(true)
    expect(copy.message?.extendedTextMessage?.text).toBe('vom Schreibtisch')
    await phone.hears('vom Schreibtisch')

    await max.says(ALICE, 'an alle')
    await desk.hears('an alle')
    await laptop.hears('an alle')
    expect([...desk.warnings, ...laptop.warnings]).toEqual([])
  }))

test('the owner removes a companion, and it is told so', () =>
  withEmulator(async (emulator, client) => {
    const phone = emulator.phone(ALICE)
    const alice = await client().link(phone)
    await phone.unlink(1)
    expect(await alice.closed()).toBe(401)
    expect(phone.devices).toEqual([])
    alice.connect()
    await alice.until(() => alice.closes.length === 3)
    expect(alice.closes[2]).toBe(401)
  }))

test('a companion logs out', () =>
  withEmulator(async (emulator, client) => {
    const phone = emulator.phone(ALICE)
    const alice = await client().link(phone)
    await alice.sock.logout()
    expect(await alice.closed()).toBe(401)
    alice.connect()
    await alice.until(() => alice.closes.length === 3)
    expect(alice.closes[2]).toBe(401)
    expect(phone.devices).toEqual([])
  }))
