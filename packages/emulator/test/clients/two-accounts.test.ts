import { expect, test } from 'vitest'
import type { Emulator } from '../../src/index.ts'
import { type Client, textOf, withEmulator, withTrouble } from '../baileys.ts'

const ALICE = '15550001001'
const BOB = '15550001002'
const MAX = '491234567890'

/** What alice was told about message `id`, in order: 2 sent, 3 delivered, 4 read. */
function statuses(alice: Client, id: string): (number | null | undefined)[] {
  return alice.updates.flatMap(({ key, update }) => (key.id === id && update.status ? [update.status] : []))
}

/** Everything that was on the way to `client` has arrived when this resolves. */
async function caughtUp(emulator: Emulator, client: Client, phone: string): Promise<void> {
  const { id } = await emulator.contact(MAX).says(phone, 'Marke')
  await client.until(() => client.messages.find(({ key }) => key.id === id))
}

test('nobody confirms for an account none of whose companions is online, and then one is', () =>
  withTrouble(async (emulator, client) => {
    const alice = await client().link(emulator.phone(ALICE))
    const bob = await client().link(emulator.phone(BOB))
    await bob.end()
    const id = await alice.says(BOB, 'noch nicht da')
    await emulator.phone(BOB).hears('noch nicht da')
    await caughtUp(emulator, alice, ALICE)
    expect(statuses(alice, id).filter((status) => status !== 2)).toEqual([])
    bob.connect()
    await bob.hears('noch nicht da')
    await alice.until(() => statuses(alice, id).includes(3))
  }))

test('both are away in turn: messages come in the order of sending, and the receipts wait for the sender', () =>
  withTrouble(async (emulator, client) => {
    const alice = await client().link(emulator.phone(ALICE))
    const bob = await client().link(emulator.phone(BOB))
    await bob.end()
    const texts = ['erstens', 'zweitens', 'drittens']
    const ids: string[] = []
    for (const text of texts) ids.push(await alice.says(BOB, text))
    for (const id of ids) await alice.acked(id)
    await alice.end()
    bob.connect()
    await bob.hears('drittens')
    const heard = bob.messages.filter(({ key }) => !key.fromMe)
    expect(heard.map(textOf)).toEqual(texts)
    await bob.sock.readMessages(heard.map(({ key }) => key))
    await caughtUp(emulator, bob, BOB)
    alice.updates.length = 0
    alice.connect()
    await alice.until(() => ids.every((id) => statuses(alice, id).includes(4)))
  }))

test('who has lost a session asks again, gets the message, and both go on', () =>
  withTrouble(async (emulator, client) => {
    const alice = await client().link(emulator.phone(ALICE))
    const bob = await client().link(emulator.phone(BOB))
    await alice.says(BOB, 'hin')
    await bob.hears('hin')
    await bob.says(ALICE, 'her')
    await alice.hears('her')
    const jid = `${emulator.phone(ALICE).lid}:1@lid`
    const lost = bob.sock.signalRepository.jidToSignalProtocolAddress(jid)
    await bob.auth.keys.set({ session: { [lost]: null } })
    const id = await alice.says(BOB, 'unlesbar')
    expect((await bob.hears('unlesbar')).key.id).toBe(id)
    await alice.says(BOB, 'und weiter')
    await bob.hears('und weiter')
    await bob.says(ALICE, 'auch zurück')
    await alice.hears('auch zurück')
    expect(alice.warnings).toEqual([])
  }))

test('clients that connect under one name become companions of one phone, over HTTP alone', () =>
  withEmulator(async (emulator, client) => {
    const scan = async (name: string) => {
      const companion = client({ pushName: name } as object).connect()
      const body = await companion.until(() => companion.qr)
      const response = await fetch(`${emulator.controlUrl}/admin/mock-phone/scan-qr`, { method: 'POST', body })
      expect(response.status).toBe(200)
      await companion.synced()
      return { companion, linked: (await response.json()) as { phone: string; lid: string; device: number } }
    }
    const first = await scan('Empfang')
    const second = await scan('Empfang')
    expect(second.linked).toEqual({ ...first.linked, device: 2 })
    const other = await scan('Labor')
    expect(other.linked.phone).not.toBe(first.linked.phone)
    await other.companion.says(first.linked.phone, 'an den Empfang')
    for (const { companion } of [first, second]) {
      expect(await companion.hears('an den Empfang')).toMatchObject({ pushName: 'Labor' })
    }
    await first.companion.says(other.linked.phone, 'Danke')
    await other.companion.hears('Danke')
    await second.companion.until(() => second.companion.messages.find((message) => textOf(message) === 'Danke'))
    for (const { companion } of [first, second, other]) expect(companion.warnings).toEqual([])
  }))
