/**
 * One side of a comparison, in a process of its own, so that its CPU time and memory are its own. It does what its
 * parent says and answers with what that cost.
 */
import { linkRaw } from './raw.ts'
import { linkWamux } from './wamux.ts'

/** A linked account that sends: resolves when WhatsApp's server has the message. */
export interface Account {
  send(to: string, text: string): Promise<void>
}

/** Links an account; `scan` gives a QR to a phone. */
export type Link = (options: {
  index: number
  emulator: string
  data: string
  scan: (qr: string) => Promise<void>
}) => Promise<Account>

export type Order = { do: 'open'; upTo: number } | { do: 'send'; count: number } | { do: 'end' }
export interface Answer {
  cpuMs: number
  wallMs: number
  rssMb: number
}

const ARMS: Record<string, Link> = { raw: linkRaw, wamux: linkWamux }
const { ARM = '', EMULATOR = '', DATA = '' } = process.env
/** How many messages are on their way at a time; wamux never lets more. */
const WINDOW = 4
const TO = '491234567890'

const found = ARMS[ARM]
if (!found) throw new Error(`ARM must be one of ${Object.keys(ARMS).join(', ')}.`)
const link: Link = found
const accounts: Account[] = []
let sent = 0

async function open(upTo: number): Promise<void> {
  while (accounts.length < upTo) {
    const index = accounts.length
    const phone = `${ARM === 'raw' ? '4917' : '4918'}${String(index).padStart(8, '0')}`
    const scan = async (qr: string) => {
      const answer = await fetch(`${EMULATOR}/admin/mock-phone/scan-qr?phone=${phone}`, { method: 'POST', body: qr })
      if (!answer.ok) throw new Error(await answer.text())
    }
    accounts.push(await link({ index, emulator: EMULATOR, data: DATA, scan }))
  }
}

async function send(count: number): Promise<void> {
  const [account] = accounts
  if (!account) throw new Error('Nothing is open.')
  let left = count
  const sender = async () => {
    while (left-- > 0) await account.send(TO, `Nachricht ${sent++}`)
  }
  await Promise.all(Array.from({ length: WINDOW }, sender))
}

async function measured(work: () => Promise<void>): Promise<Answer> {
  const [cpu, wall] = [process.cpuUsage(), performance.now()]
  await work()
  const { user, system } = process.cpuUsage(cpu)
  const wallMs = performance.now() - wall
  for (let collection = 0; collection < 3; collection++) globalThis.gc?.()
  return { cpuMs: (user + system) / 1000, wallMs, rssMb: process.memoryUsage.rss() / 2 ** 20 }
}

process.on('message', (order: Order) => {
  if (order.do === 'end') return process.exit(0)
  measured(() => (order.do === 'open' ? open(order.upTo) : send(order.count))).then(
    (answer) => process.send?.(answer),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
process.send?.('ready')
