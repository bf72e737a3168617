import { expect } from 'vitest'
import { qrOf, story } from './harness/story.ts'

const OWN = '491700000001'

story('a phone scans the QR and the session is ready', async ({ door, emulator, told }) => {
  const session = await door.create('demo')
  const phone = emulator.phone(OWN, { name: 'Erika' })
  await phone.scans(await qrOf(session))
  const ready = await told('ready')
  expect(ready).toMatchObject({ phone: OWN, lid: `${phone.lid}@lid`, name: 'Erika' })
  expect(await session.info()).toMatchObject({ id: 'demo', state: 'ready', account: { phone: OWN, name: 'Erika' } })
})

story('the pairing code is typed on the phone', async ({ door, emulator, told }) => {
  const session = await door.create('demo')
  const { code, expiresAt } = await session.pairingCode(`+${OWN.slice(0, 2)} ${OWN.slice(2)}`)
  expect(code).toMatch(/^[A-Z0-9]{8}$/)
  expect(expiresAt).toBeGreaterThan(Date.now())
  await emulator.phone(OWN).entersCode(code)
  expect(await told('ready')).toMatchObject({ phone: OWN })
})

story(
  'nobody scans in time, and a new start shows a new QR',
  async ({ door, reaches, emulator, told }) => {
    const session = await door.create('demo')
    const first = await qrOf(session)
    await reaches(session, 'failed')
    expect(await session.info()).toMatchObject({ state: 'failed', reason: 'LINKING_EXPIRED' })
    await expect(session.qr()).rejects.toMatchObject({ code: 'LINKING_EXPIRED' })
    await session.start()
    const second = await qrOf(session)
    expect(second).not.toBe(first)
    await emulator.phone(OWN).scans(second)
    await told('ready')
  },
  { baileys: { qrTimeout: 150 } },
)

story('a linked session cannot be linked again', async ({ link }) => {
  const { session } = await link()
  await expect(session.qr()).rejects.toMatchObject({ code: 'NOT_LINKING', details: { state: 'ready' } })
  await expect(session.pairingCode(OWN)).rejects.toMatchObject({ code: 'NOT_LINKING' })
})

story('after a restart the same account is there without linking', async ({ door, link, told, contact }) => {
  const max = contact()
  const { phone } = await link()
  await door.reopen()
  await told('ready')
  expect((await door.session('demo').info()).account).toMatchObject({ phone: OWN })
  expect(phone.devices).toEqual([1])
  await door.session('demo').send(max.phone, 'Noch da')
  expect((await max.hears('Noch da')).from).toBe(OWN)
})

story(
  'the phone removes the device: logged out, and it can be linked anew',
  async ({ link, told, reaches, emulator }) => {
    const { session, phone } = await link()
    const [device] = phone.devices
    await phone.unlink(device ?? 0)
    expect(await told('logged_out')).toMatchObject({ cause: '401' })
    expect(await session.info()).toMatchObject({ state: 'logged_out', account: null })
    await session.start()
    await emulator.phone(OWN).scans(await qrOf(session))
    await told('ready')
    await reaches(session, 'ready')
  },
)

story('logging out tells the phone and keeps the history', async ({ link, told, contact }) => {
  const max = contact()
  const { session, phone } = await link()
  await session.send(max.phone, 'Auf Wiedersehen')
  await session.logout()
  expect(await told('logged_out')).toMatchObject({ cause: 'requested' })
  expect(phone.devices).toEqual([])
  expect((await session.info()).account).toBeNull()
  expect((await session.recentMessages()).data.map(({ body }) => body)).toEqual(['Auf Wiedersehen'])
  await session.logout()
})

story('a stopped session is not logged out: WhatsApp could not be told', async ({ link, told, reaches, contact }) => {
  const max = contact()
  const { session, phone } = await link()
  await session.stop()
  await reaches(session, 'stopped')
  await expect(session.logout()).rejects.toMatchObject({ code: 'WHATSAPP_DISCONNECTED', details: { state: 'stopped' } })
  expect(await session.info()).toMatchObject({ state: 'stopped', account: { phone: OWN } })
  expect(phone.devices).toEqual([1])
  await session.start()
  await told('ready')
  await session.send(max.phone, 'noch verbunden')
  await max.hears('noch verbunden')
  await session.logout()
  expect(await told('logged_out')).toMatchObject({ cause: 'requested' })
  expect(phone.devices).toEqual([])
})

story('a session that waits for its next connection is not logged out', async ({ link, emulator, reaches, count }) => {
  const { session, phone } = await link()
  emulator.faults.network(false)
  await reaches(session, 'waiting')
  // Any moment it tries again, in vain: then it is connecting.
  await expect(session.logout()).rejects.toMatchObject({
    code: 'WHATSAPP_DISCONNECTED',
    details: { state: expect.stringMatching(/^(waiting|connecting)$/) },
  })
  emulator.faults.network(true)
  await reaches(session, 'ready')
  expect(await session.info()).toMatchObject({ account: { phone: OWN } })
  expect(phone.devices).toEqual([1])
  expect(count('logged_out')).toBe(0)
})

story('a session that is connecting is not logged out', async ({ link, emulator, reaches, count }) => {
  const { session, phone } = await link()
  await session.stop()
  await reaches(session, 'stopped')
  emulator.faults.dropFrames = true
  await session.start()
  await reaches(session, 'connecting')
  await expect(session.logout()).rejects.toMatchObject({
    code: 'WHATSAPP_DISCONNECTED',
    details: { state: 'connecting' },
  })
  expect(await session.info()).toMatchObject({ state: 'connecting', account: { phone: OWN } })
  emulator.faults.dropFrames = false
  await session.restart()
  await reaches(session, 'ready')
  expect(phone.devices).toEqual([1])
  expect(count('logged_out')).toBe(0)
})

story('a session that was never linked can be logged out, and linked after all', async ({ door, emulator, told }) => {
  const session = await door.create('demo')
  await qrOf(session)
  await session.logout()
  expect(await session.info()).toMatchObject({ state: 'logged_out', account: null })
  await expect(session.qr()).rejects.toMatchObject({ code: 'NOT_LINKING', details: { state: 'logged_out' } })
  await session.start()
  const phone = emulator.phone(OWN)
  await phone.scans(await qrOf(session))
  await told('ready')
  expect(phone.devices).toEqual([1])
})

story('a stopped session that was never linked can be logged out', async ({ door, reaches }) => {
  const session = await door.create('demo')
  await session.stop()
  await reaches(session, 'stopped')
  await session.logout()
  expect(await session.info()).toMatchObject({ state: 'logged_out', account: null })
})

story(
  'what one account was told of a number is asked again for the next',
  async ({ link, emulator, contact, told }) => {
    const { session } = await link()
    const late = '491234560000'
    expect(await session.checkNumber(late)).toMatchObject({ registered: false })
    await session.logout()
    contact(late, 'Spätstarter')
    await session.start()
    await emulator.phone('491700000002').scans(await qrOf(session))
    await told('ready', ({ phone }) => phone === '491700000002')
    expect(await session.checkNumber(late)).toEqual({ phone: late, registered: true, whatsappId: `${late}@c.us` })
    expect(await session.contact(late)).toMatchObject({ number: late })
  },
)
