/**
 * One side of a comparison, in a process of its own, so that its CPU time and memory are its own. It does what its
 * parent says and answers with what that cost.
 */
import { CONTACTS } from './contacts.ts'
import { linkRaw, linkRawSqlite } from './raw.ts'
import { linkWamux } from './wamux.ts'

/** A linked account that sends: resolves when WhatsApp's server has the message. */
export interface Account {
  send(to: string, text: string): Promise<void>
  /** Calls back for each message that was told to whoever listens. */
  onMessage(heard: () => void): void
  /** Puts on disk what the next process needs to be the same device. */
  save(): Promise<void>
}

/** Links an account, `scan` gives a QR to a phone; or opens one that a process before it saved. */
export type Link = (options: {
  index: number
  emulator: string
  data: string
  scan: (qr: string) => Promise<void>
}) => Promise<Account>

export type Order = { do: 'open'; upTo: number } | { do: 'send' | 'receive'; count: number } | { do: 'save' }
export interface Answer {
  cpuMs: number
  wallMs: number
  rssMb: number
  /** JavaScript's heap and what it holds outside: what a session keeps, without what V8 has not given back yet. */
  heapMb: number
}

const ARMS: Record<string, Link> = {
  raw: linkRaw,
  'raw-sqlite': linkRawSqlite,
  wamux: linkWamux,
  'wamux-postgres': linkWamux,
}
const { ARM = '', EMULATOR = '', DATA = '', FIRST_PHONE = '' } = process.env
/** V8 gives memory back in its own time. */
const SETTLE_MS = 500

const found = ARMS[ARM]
if (!found) throw new Error(`ARM must be one of ${Object.keys(ARMS).join(', ')}.`)
const link: Link = found
const accounts: Account[] = []
let sent = 0

async function open(upTo: number): Promise<void> {
  while (accounts.length < upTo) {
    const index = accounts.length
    const phone = String(Number(FIRST_PHONE) + index)
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
  const sender = async (to: string) => {
    while (left-- > 0) await account.send(to, `Nachricht ${sent++}`)
  }
  await Promise.all(CONTACTS.map(sender))
}

/** Resolves when so many were told; contacts write them, one after another each. */
async function receive(count: number): Promise<void> {
  const [account] = accounts
  if (!account) throw new Error('Nothing is open.')
  const all = Promise.withResolvers<void>()
  let heard = 0
  account.onMessage(() => {
    heard++
    if (heard === count) all.resolve()
  })
  let left = count
  const writer = async (phone: string) => {
    while (left-- > 0) {
      const body = JSON.stringify({ to: FIRST_PHONE, text: `Antwort ${left}` })
      const answer = await fetch(`${EMULATOR}/admin/contacts/${phone}/messages`, { method: 'POST', body })
      if (!answer.ok) throw new Error(await answer.text())
    }
  }
  await Promise.all([...CONTACTS.map(writer), all.promise])
}

async function carryOut(order: Order): Promise<void> {
  if (order.do === 'open') return open(order.upTo)
  if (order.do === 'send') return send(order.count)
  if (order.do === 'receive') return receive(order.count)
  for (const account of accounts) await account.save()
}

async function measured(work: () => Promise<void>): Promise<Answer> {
  const [cpu, wall] = [process.cpuUsage(), performance.now()]
  await work()
  const { user, system } = process.cpuUsage(cpu)
  const wallMs = performance.now() - wall
  for (let collection = 0; collection < 3; collection++) {
    globalThis.gc?.()
    await new Promise((settled) => setTimeout(settled, SETTLE_MS))
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  return { cpuMs: (user + system) / 1000, wallMs, rssMb: rss / 2 ** 20, heapMb: (heapUsed + external) / 2 ** 20 }
}

process.on('message', (order: Order) => {
  measured(() => carryOut(order)).then(
    (answer) => process.send?.(answer),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
process.send?.('ready')
