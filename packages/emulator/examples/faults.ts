/** What goes wrong on demand: a bot that is thrown out, refused and not acknowledged, and in the end has lost nothing. */
import { createEmulator, trustEmulator } from '@wamux/emulator'
import { startBot } from './bot.ts'

const emulator = await createEmulator()
trustEmulator(emulator.rootPublicKey)
const phone = emulator.phone('15550001001', { name: 'Ping' })
const max = emulator.contact('491234567890', { name: 'Max' })

const bot = await startBot(emulator.url)
await phone.scans(await bot.qr)
await phone.connected()

// Thrown out, refused twice at the door, then let in: what was written meanwhile is there.
const before = await emulator.events.first(({ type }) => type === 'connected')
emulator.faults.rejectNext(503)
emulator.faults.rejectNext(503)
emulator.faults.kick(phone.phone, '503')
await max.says(phone.phone, 'ping')
await emulator.events.first(({ type }) => type === 'connected', { after: before.seq })
await max.hears('pong')

// The contact cannot read the answer at first, and asks for it again.
emulator.faults.failNextDecrypt(max.phone)
await max.says(phone.phone, 'ping')
await max.hears('pong')

// The contact is offline for a day, by the network's clock. The answer waits.
await max.says(phone.phone, 'ping')
max.goesOffline()
await emulator.clock.advance(24 * 60 * 60 * 1000)
max.comesOnline()
await max.hears('pong')

await bot.stop()
await emulator.close()
console.log('faults: ok')
process.exit() // Baileys leaves timers running for minutes
