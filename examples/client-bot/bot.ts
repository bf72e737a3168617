/**
 * A bot beside the server, with the typed client: it sets its own webhook, proves that deliveries come from the server,
 * does not deal with one twice, and answers "ping" with "pong".
 *
 * With `npm start` in another terminal, and the API key that it prints. Max of the sandbox repeats what he reads, so
 * writing "ping" to him is enough:
 *
 *   WAMUX_API_KEY=wapi_… npm -w examples/client-bot start
 *   curl -X POST http://127.0.0.1:3000/api/send-message \
 *     -H 'X-API-Key: wapi_…' -H 'Content-Type: application/json' \
 *     -d '{"phone": "491234567890", "message": "ping"}'
 *
 * What survives a restart: the ids of the deliveries that were dealt with (`BOT_DATA`, ./data), and at the server every
 * event that this bot has not confirmed. What does not: a bot that is killed after the server took its answer and before
 * the id is in the file answers once more.
 */
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClient, type WebhookEvent, WebhookVerificationError, webhooks } from '@wamux/client'
import { Seen } from './seen.ts'

const { WAMUX_URL = 'http://127.0.0.1:3000', WAMUX_API_KEY = '', WAMUX_INSTANCE = 'demo' } = process.env
// A new secret at each start is fine: a delivery is signed when it is tried, and one under the old secret is tried again.
const { BOT_PORT = '4001', BOT_DATA = './data', BOT_SECRET = randomBytes(32).toString('base64url') } = process.env

const session = createClient({ url: WAMUX_URL, apiKey: WAMUX_API_KEY }).session(WAMUX_INSTANCE)
const seen = new Seen(BOT_DATA)
const busy = new Set<string>()

async function answer({ event, data }: WebhookEvent): Promise<void> {
  if (event !== 'message' || data.isFromMe || data.body.trim().toLowerCase() !== 'ping') return
  const { status } = await session.send(data.chatId, 'pong')
  console.log(`${data.contactName} said ping; pong is ${status}`)
}

/** The status of the answer: 2xx ends the delivery, everything else has it tried again. */
async function take(request: IncomingMessage): Promise<number> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part)
  const event = await webhooks.verify(Buffer.concat(parts), request.headers, BOT_SECRET)
  if (seen.has(event.id)) return 200
  if (busy.has(event.id)) return 503
  busy.add(event.id)
  try {
    await answer(event)
    seen.add(event.id)
    return 200
  } finally {
    busy.delete(event.id)
  }
}

const server = createServer((request, response) => {
  take(request)
    .catch((error: unknown) => {
      console.error(error)
      return error instanceof WebhookVerificationError ? 401 : 500
    })
    .then((status) => response.writeHead(status).end())
})
server.listen(Number(BOT_PORT), '127.0.0.1', async () => {
  // A TCP server has an address with a port.
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook`
  await session.setWebhook({ url, secret: BOT_SECRET })
  console.log(`The bot listens on ${url}`)
})
