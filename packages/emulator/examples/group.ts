/** A group: roles, settings and a poll; and what somebody who may not write sees. */
import assert from 'node:assert/strict'
import { createEmulator, trustEmulator } from '@wamux/emulator'
import { startBot } from './bot.ts'

const emulator = await createEmulator({ strict: true })
trustEmulator(emulator.rootPublicKey)
const phone = emulator.phone('15550001001', { name: 'Ping' })
const max = emulator.contact('491234567890', { name: 'Max' })
const eva = emulator.contact('491234567891', { name: 'Eva' })

const bot = await startBot(emulator.url)
await phone.scans(await bot.qr)
await phone.connected()

const group = emulator.group({ subject: 'Team', members: [max, eva, phone] })
await max.says(group.id, 'ping')
await eva.hears('pong') // sender keys went round: everybody reads it

const poll = await max.sends(group.id, { poll: { question: 'Lunch?', options: ['Pizza', 'Soup'], pick: 1 } })
await eva.hears('Lunch?')
await eva.votes(poll.id, ['Soup'], { from: max.phone })
const vote = await max.hears(({ type }) => type === 'vote')
assert.deepEqual(vote.choices, ['Soup'])

group.promotes(eva)
group.by(eva).changes({ isLocked: true })
await assert.rejects(bot.sock().groupUpdateSubject(group.id, 'Mine')) // the bot is no admin
assert.equal(group.subject, 'Team')

await bot.stop()
await emulator.close()
console.log('group: ok')
process.exit() // Baileys leaves timers running for minutes
