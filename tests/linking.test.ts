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
