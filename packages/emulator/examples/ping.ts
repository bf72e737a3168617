/** The shortest story: a phone scans the bot's QR code, a contact writes, the bot answers, and is asked while it is away. */
import { createEmulator, trustEmulator } from '@wamux/emulator'
import { startBot } from './bot.ts'

const emulator = await createEmulator({ strict: true })
trustEmulator(emulator.rootPublicKey)
const phone = emulator.phone('15550001001', { name: 'Ping' })
const max = emulator.contact('491234567890', { name: 'Max Mustermann' })

const bot = await startBot(emulator.url)
await phone.scans(await bot.qr)
await phone.connected()

const { id } = await max.says(phone.phone, 'ping')
await max.received(id) // a companion has confirmed it: the bot
await max.hears('pong')

emulator.faults.network(false)
emulator.faults.network(true)
await max.says(phone.phone, 'ping') // waits at the server until the bot is back
await max.hears('pong')

await bot.stop()
await emulator.close() // strict: rejects when the bot said something that the emulator does not know
console.log('ping: ok')
process.exit() // Baileys leaves timers running for minutes
