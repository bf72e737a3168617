import { expect, test } from 'vitest'
import { textOf, withEmulator, withTrouble } from './baileys.ts'

const ALICE = '15550001001'
const BOB = '15550002002'
const MAX = '491234567890'

test('two clients chat, by phone number and by lid', () =>
  withEmulator(
    async (emulator, client) => {
      const [alicePhone, bobPhone] = [emulator.phone(ALICE, { name: 'Alice' }), emulator.phone(BOB, { name: 'Bob' })]
      const alice = await client().link(alicePhone)
      const bob = await client().link(bobPhone)

      await alice.says(BOB, 'an die Nummer')
      const byNumber = await bob.hears('an die Nummer')
      expect(byNumber.key).toMatchObject({
        remoteJid: `${ALICE}@s.whatsapp.net`,
        remoteJidAlt: `${alicePhone.lid}@lid`,
      })
      expect(byNumber.pushName).toBe('Alice')

      await alice.says(`${bobPhone.lid}@lid`, 'an die LID')
      const byLid = await bob.hears('an die LID')
      expect(byLid.key).toMatchObject({ remoteJid: `${alicePhone.lid}@lid`, remoteJidAlt: `${ALICE}@s.whatsapp.net` })

      await bob.says(ALICE, 'zurück')
      await alice.hears('zurück')
      await bobPhone.hears('an die LID')
      expect([...alice.warnings, ...bob.warnings]).toEqual([])
    },
    { pretendPreKeys: 0 },
  ))

test('a contact writes to either name of a person', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    await max.says(ALICE, 'per LID', { space: 'lid' })
    expect((await alice.hears('per LID')).key).toMatchObject({
      remoteJid: `${max.lid}@lid`,
      remoteJidAlt: `${MAX}@s.whatsapp.net`,
    })
    await alice.says(`${max.lid}@lid`, 'an die LID von Max')
    expect(await max.hears('an die LID von Max')).toMatchObject({ from: ALICE })
    expect(alice.warnings).toEqual([])
  }))

test('an echoing contact answers its text, once per message', () =>
  withEmulator(async (emulator, client) => {
    const echo = emulator.contact(MAX, { behaviour: 'echo' })
    const alice = await client().link(emulator.phone(ALICE))
    const id = await alice.says(MAX, 'Wer da?')
    await alice.hears('Wer da?')
    await alice.says(MAX, 'Wer da?', id)
    await alice.says(MAX, 'und jetzt?')
    await alice.hears('und jetzt?')
    expect(alice.messages.filter((message) => !message.key.fromMe).map(textOf)).toEqual(['Wer da?', 'und jetzt?'])
    expect(echo.messages().map(({ text, copies }) => [text, copies])).toEqual([
      ['Wer da?', 2],
      ['und jetzt?', 1],
    ])
  }))

test('the server acknowledges, the receiver confirms, reads and plays', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    const id = await alice.says(MAX, 'Status?')
    expect(await alice.acked(id)).toBeUndefined()
    const reached = (status: number) => () =>
      alice.updates.some(({ key, update }) => key.id === id && update.status === status) ||
      alice.messages.some(({ key, status: own }) => key.id === id && own === status)
    await alice.until(reached(3))
    await max.hears('Status?')
    await max.reads([id])
    await alice.until(reached(4))
    await max.plays([id])
    await alice.until(reached(5))

    const { id: theirs } = await max.says(ALICE, 'Und?')
    await max.received(theirs)
    await alice.sock.readMessages([(await alice.hears('Und?')).key])
    await max.received(theirs, 'read')
  }))

test('a number that is neither contact nor phone is not on WhatsApp', () =>
  withTrouble(async (emulator, client) => {
    emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    expect(await alice.sock.onWhatsApp(MAX, '4917700000')).toEqual([{ jid: `${MAX}@s.whatsapp.net`, exists: true }])
    const id = await alice.says('4917700000', 'hallo?')
    expect(await alice.acked(id)).toBe('404')
  }))

test('a contact that could not read a message gets it again', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    await alice.says(MAX, 'eins')
    await max.hears('eins')
    emulator.faults.failNextDecrypt(MAX)
    const id = await alice.says(MAX, 'zwei')
    const asked = () => alice.receipts.filter(({ type }) => type === 'retry').map((receipt) => receipt.id)
    expect(await max.hears('zwei')).toMatchObject({ id, copies: 1 })
    expect(asked()).toEqual([id])
    emulator.faults.failNextDecrypt(MAX, 2)
    const third = await alice.says(MAX, 'drei')
    await max.hears('drei')
    expect(asked()).toEqual([id, third, third])
    await max.says(ALICE, 'alles da')
    await alice.hears('alles da')
  }))

test('a client that lost its session gets the message again', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    await alice.says(MAX, 'eins')
    await max.hears('eins')
    await max.says(ALICE, 'zwei')
    await alice.hears('zwei')
    const lost = alice.sock.signalRepository.jidToSignalProtocolAddress(`${max.lid}@lid`)
    await alice.auth.keys.set({ session: { [lost]: null } })
    await max.says(ALICE, 'drei')
    await alice.hears('drei')
    await alice.says(MAX, 'vier')
    await max.hears('vier')
  }))

test('both begin at the same moment, and the contact never loses its way', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    max.goesOffline()
    for (const text of ['a1', 'a2', 'a3']) await alice.says(MAX, text)
    for (const text of ['m1', 'm2']) await max.says(ALICE, text)
    max.comesOnline()
    for (const text of ['a1', 'a2', 'a3']) await max.hears(text)
    for (const text of ['m1', 'm2']) await alice.hears(text)
    for (let round = 0; round < 5; round++) {
      const [mine, theirs] = [`a, Runde ${round}`, `m, Runde ${round}`]
      await Promise.all([alice.says(MAX, mine), max.says(ALICE, theirs), max.hears(mine), alice.hears(theirs)])
    }
    // The client may have to ask again: its trial decryption ruins sessions. The contact's does not.
    expect(max.messages().map(({ copies }) => copies)).toEqual(Array(8).fill(1))
  }))

test('a contact with a new phone is still reached', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    await alice.says(MAX, 'altes Telefon')
    await max.hears('altes Telefon')
    await max.reinstall()
    await alice.says(MAX, 'neues Telefon')
    await max.hears('neues Telefon')
    await max.says(ALICE, 'bin wieder da')
    await alice.hears('bin wieder da')
  }))

test('the server refuses a message when it is told to', () =>
  withTrouble(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    emulator.faults.refuseNextMessage(ALICE, 479)
    expect(await alice.acked(await alice.says(MAX, 'abgelehnt'))).toBe('479')
    expect(await alice.acked(await alice.says(MAX, 'angenommen'))).toBeUndefined()
    await max.hears('angenommen')
    expect(max.messages()).toHaveLength(1)
  }))

test('acks are held back in order, or lost', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const alice = await client().link(emulator.phone(ALICE))
    emulator.faults.ackDelayMs = 60_000
    const ids = [await alice.says(MAX, 'a'), await alice.says(MAX, 'b'), await alice.says(MAX, 'c')]
    await max.hears('c')
    await alice.sock.onWhatsApp(MAX) // whatever was on its way has arrived before the answer
    expect(alice.acks.size).toBe(0)
    await emulator.clock.advance(60_000)
    for (const id of ids) await alice.acked(id)
    expect([...alice.acks.keys()]).toEqual(ids)
    emulator.faults.dropAcks = true
    const lost = await alice.says(MAX, 'd')
    await max.hears('d')
    emulator.faults.dropAcks = false
    emulator.faults.ackDelayMs = 0
    await alice.acked(await alice.says(MAX, 'e'))
    expect(alice.acks.has(lost)).toBe(false)
  }))
