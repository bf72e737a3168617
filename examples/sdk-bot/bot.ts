/**
 * A bot in one process, with the SDK: it links an account by pairing code and answers "ping" with "pong".
 *
 * Against WhatsApp, with your own number; type the letters that it prints under Linked devices:
 *
 *   WAMUX_PHONE=491700000002 npm -w examples/sdk-bot start
 *
 * Without a phone, against the network that `npm start` runs in another terminal. The second line types the letters on
 * the phone, the third lets Max write, the fourth shows what he reads:
 *
 *   WAMUX_EMULATOR=http://127.0.0.1:3001 WAMUX_PHONE=491700000002 npm -w examples/sdk-bot start
 *   curl http://127.0.0.1:3001/admin/mock-phone/enter-code -d '{"phone": "491700000002", "code": "…"}'
 *   curl http://127.0.0.1:3001/admin/contacts/491234567890/messages -d '{"to": "491700000002", "text": "ping"}'
 *   curl http://127.0.0.1:3001/admin/contacts/491234567890/messages
 */
import { SessionManager } from '@wamux/core'
import { network } from './network.ts'

const { WAMUX_PHONE = '', WAMUX_EMULATOR, BOT_DATA = './data' } = process.env
const manager = new SessionManager({ data: BOT_DATA, baileys: await network(WAMUX_EMULATOR) })
manager.on('state', ({ data }) => console.log(`The session is ${data.state}.`))
manager.on('message', async ({ sessionId, data }) => {
  if (data.isFromMe || data.body.trim().toLowerCase() !== 'ping') return
  await manager.session(sessionId).send(data.chatId, 'pong')
})
// Baileys keeps timers for up to a minute after it has connected: without exit() the process would wait for it.
const stop = () => manager.stop().then(() => process.exit())
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop)

await manager.start() // connects what is linked already
const session = manager.sessions()[0] ?? (await manager.create({ id: 'bot' }))
await session.start() // does nothing when it runs; begins again when nobody typed the letters in time
if ((await session.info()).account === null) {
  const { code } = await session.pairingCode(WAMUX_PHONE)
  console.log(`On ${WAMUX_PHONE}: Linked devices, link with phone number, ${code}`)
}
