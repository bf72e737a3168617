import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Emulator } from './api.ts'
import { Fields, InputError, readText } from './control-input.ts'
import { KICK_REASONS } from './faults.ts'
import { BEHAVIOURS } from './world/accounts.ts'
import { toPhone } from './world/jids.ts'
import type { Linking } from './world/linking.ts'
import { LinkingError } from './world/linking-error.ts'
import type { Heard } from './world/mailbox.ts'
import type { World } from './world/world.ts'

interface Call {
  readonly request: IncomingMessage
  readonly url: URL
  /** The phone number in the path, where the route has one. */
  readonly phone: string
}

/** What it returns is sent as JSON; a string goes out as it is. */
type Route = (call: Call) => unknown

/** The HTTP side of a network, for tests and people in other processes. Has no passwords. */
export function controlHandler(emulator: Emulator, world: World, linking: Linking) {
  const routes = controlRoutes(emulator, world, linking)
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const url = new URL(request.url ?? '/', emulator.controlUrl)
      const found = findRoute(routes, request.method ?? 'GET', url.pathname)
      const result = await found.route({ request, url, phone: found.phone })
      respond(response, 200, result ?? { ok: true })
    } catch (error) {
      const { status, body } = toProblem(error)
      respond(response, status, body)
    }
  }
}

function controlRoutes(emulator: Emulator, world: World, linking: Linking): Record<string, Route> {
  const contactIn = ({ phone }: Call) => emulator.contact(known(world, phone, 'contact'))
  const phoneIn = ({ phone }: Call) => emulator.phone(known(world, phone, 'phone'))
  return {
    'GET /admin/health': () => ({
      status: 'ok',
      url: emulator.url,
      network: world.faults.isNetworkUp,
      phones: world.accounts.all('phone').length,
      contacts: world.accounts.all('contact').length,
      connected: [...world.logins.keys()].sort(),
      pending: world.post.total(),
      unknownStanzas: emulator.unknownStanzas.length,
    }),
    'GET /admin/noise-root': () => ({
      publicKey: emulator.rootPublicKey.toString('base64'),
      hex: emulator.rootPublicKey.toString('hex'),
      serial: 0,
    }),
    'GET /admin/ca.pem': () => emulator.tls.ca,
    'GET /admin/unknown-stanzas': () => emulator.unknownStanzas,
    'POST /admin/mock-phone/scan-qr': async ({ request, url }) => {
      const qr = await readText(request)
      const wanted = url.searchParams.get('phone')
      if (wanted !== null) return emulator.phone(free(world, asPhone('phone', wanted), 'phone')).scans(qr)
      const name = linking.nameBehind(qr)
      return emulator.phone(phoneFor(world, name), name === undefined ? {} : { name }).scans(qr)
    },
    'POST /admin/mock-phone/enter-code': async ({ request }) => {
      const fields = await Fields.of(request)
      const [phone, code] = [fields.phone('phone'), fields.text('code')]
      fields.done()
      return emulator.phone(free(world, phone, 'phone')).entersCode(code)
    },
    'POST /admin/phones': async ({ request }) => {
      const fields = await Fields.of(request)
      const [phone, name] = [fields.phone('phone'), fields.optionalText('name')]
      fields.done()
      const made = emulator.phone(free(world, phone, 'phone'), name === undefined ? {} : { name })
      return { phone: made.phone, lid: made.lid, name: made.name, devices: made.devices }
    },
    'POST /admin/phones/{phone}/messages': async (call) => says(phoneIn(call), call.request, world),
    'GET /admin/phones/{phone}/messages': (call) =>
      phoneIn(call)
        .messages()
        .map((heard) => listed(heard, call.url)),
    'POST /admin/phones/{phone}/unlink': async (call) => {
      const phone = phoneIn(call)
      const fields = await Fields.of(call.request)
      const device = fields.number('device')
      fields.done()
      if (device === undefined || !phone.devices.includes(device)) {
        throw new InputError('device', `${phone.phone} has the devices ${phone.devices.join(', ') || '(none)'}.`)
      }
      await phone.unlink(device)
    },
    'POST /admin/contacts': async ({ request }) => {
      const fields = await Fields.of(request)
      const [phone, name] = [fields.phone('phone'), fields.optionalText('name')]
      const behaviour = fields.choice('behaviour', BEHAVIOURS)
      fields.done()
      const made = emulator.contact(free(world, phone, 'contact'), {
        ...(name !== undefined && { name }),
        ...(behaviour && { behaviour }),
      })
      return { phone: made.phone, lid: made.lid, name: made.name, behaviour: made.behaviour }
    },
    'POST /admin/contacts/{phone}/messages': async (call) => says(contactIn(call), call.request, world),
    'GET /admin/contacts/{phone}/messages': (call) =>
      contactIn(call)
        .messages()
        .map((heard) => listed(heard, call.url)),
    'POST /admin/contacts/{phone}/receipts': async (call) => {
      const contact = contactIn(call)
      const fields = await Fields.of(call.request)
      const ids = fields.texts('messageIds')
      const type = fields.choice('type', ['read', 'played']) ?? 'read'
      fields.done()
      const heard = new Set(contact.messages().map(({ id }) => id))
      const strange = ids.find((id) => !heard.has(id))
      if (strange !== undefined) throw new InputError('messageIds', `${contact.phone} has no message ${strange}.`)
      await (type === 'read' ? contact.reads(ids) : contact.plays(ids))
    },
    'POST /admin/groups': async ({ request }) => {
      const fields = await Fields.of(request)
      const subject = fields.text('subject')
      const members = fields.texts('members').map((member) => asPhone('members', member))
      const addressing = fields.choice('addressing', ['lid', 'pn'])
      fields.done()
      for (const phone of members) {
        if (!world.accounts.get(phone)) throw new InputError('members', `${phone} is neither a phone nor a contact.`)
      }
      const group = emulator.group({ subject, members, ...(addressing && { addressing }) })
      return { id: group.id, subject: group.subject, members: group.members }
    },
    'POST /admin/kick': async ({ request }) => {
      const fields = await Fields.of(request)
      const phone = fields.phone('phone')
      const reason = fields.choice('reason', KICK_REASONS) ?? 'drop'
      fields.done()
      emulator.faults.kick(known(world, phone, 'phone'), reason)
    },
    'POST /admin/network': async ({ request }) => {
      const fields = await Fields.of(request)
      const up = fields.flag('up')
      fields.done()
      if (up === undefined) throw new InputError('up', 'up is missing.')
      emulator.faults.network(up)
    },
    'POST /admin/faults': async ({ request }) => applyFaults(emulator, await Fields.of(request)),
  }
}

function applyFaults(emulator: Emulator, fields: Fields) {
  const { faults } = emulator
  const ackDelayMs = fields.number('ackDelayMs')
  const dropAcks = fields.flag('dropAcks')
  const dropFrames = fields.flag('dropFrames')
  const phoneReceipts = fields.flag('phoneReceipts')
  const rejectNext = fields.number('rejectNext')
  const decrypt = fields.object('failNextDecrypt')
  const unreadable = decrypt && { phone: decrypt.phone('phone'), times: decrypt.number('times') }
  const refuse = fields.object('refuseNextMessage')
  const refused = refuse && { phone: refuse.phone('phone'), code: refuse.number('code') ?? 463 }
  for (const checked of [fields, decrypt, refuse]) checked?.done()
  // Nothing is switched before all of it was understood.
  if (ackDelayMs !== undefined) faults.ackDelayMs = ackDelayMs
  if (dropAcks !== undefined) faults.dropAcks = dropAcks
  if (dropFrames !== undefined) faults.dropFrames = dropFrames
  if (phoneReceipts !== undefined) faults.phoneReceipts = phoneReceipts
  if (rejectNext !== undefined) faults.rejectNext(rejectNext)
  if (unreadable) faults.failNextDecrypt(unreadable.phone, unreadable.times)
  if (refused) faults.refuseNextMessage(refused.phone, refused.code)
  const { ackDelayMs: delay, dropAcks: acks, dropFrames: frames, phoneReceipts: receipts } = faults
  return { ackDelayMs: delay, dropAcks: acks, dropFrames: frames, phoneReceipts: receipts }
}

async function says(
  person: { phone: string; says(to: string, text: string): Promise<{ id: string }> },
  request: IncomingMessage,
  world: World,
): Promise<{ id: string }> {
  const fields = await Fields.of(request)
  const [to, text] = [fields.chat('to'), fields.text('text')]
  fields.done()
  const group = to.endsWith('@g.us')
  if (group && !world.groups.members(to).has(person.phone)) throw new InputError('to', `${to} has no such member.`)
  if (!group && !world.accounts.get(to)) throw new InputError('to', `${to} is not on this WhatsApp.`)
  return person.says(to, text)
}

function listed({ id, from, type, text, at, copies, chat, raw }: Heard, url: URL) {
  const shown = { id, from, type, text, at, copies, ...(chat.endsWith('@g.us') && { chat }) }
  return url.searchParams.get('raw') === '1' ? { ...shown, raw } : shown
}

/** The phone that a client means: the one that bears its name or is its name, else the next number that nobody has. */
function phoneFor(world: World, name: string | undefined): string {
  const named = world.accounts.all('phone').find((account) => name !== undefined && account.name === name)
  if (named) return named.phone
  if (name !== undefined && /^[1-9]\d{6,14}$/.test(name) && world.accounts.get(name)?.kind !== 'contact') return name
  let number = 15_550_000_001
  while (world.accounts.get(String(number))) number++
  return String(number)
}

function asPhone(field: string, value: string): string {
  try {
    return toPhone(value)
  } catch {
    throw new InputError(field, `${field}: "${value}" is not an international phone number.`)
  }
}

function known(world: World, phone: string, kind: 'phone' | 'contact'): string {
  if (world.accounts.get(phone)?.kind === kind) return phone
  throw new InputError('phone', `There is no ${kind} ${phone}.`, 404)
}

function free(world: World, phone: string, kind: 'phone' | 'contact'): string {
  const account = world.accounts.get(phone)
  if (!account || account.kind === kind) return phone
  throw new InputError('phone', `${phone} is a ${account.kind} already.`, 409)
}

function findRoute(routes: Record<string, Route>, method: string, path: string): { route: Route; phone: string } {
  const [, , collection, second = ''] = path.split('/')
  const isPerson = (collection === 'contacts' || collection === 'phones') && second !== ''
  const pattern = isPerson ? path.replace(`/${second}`, '/{phone}') : path
  const route = routes[`${method} ${pattern}`]
  if (!route) throw new InputError('path', `There is no route ${method} ${path}.`, 404)
  return { route, phone: isPerson ? asPhone('phone', second.replace(/^%2B/i, '')) : '' }
}

function toProblem(error: unknown): { status: number; body: object } {
  if (error instanceof InputError) return { status: error.status, body: { error: error.message, field: error.field } }
  if (error instanceof LinkingError) {
    const status = error.field === 'client' ? 409 : 400
    return { status, body: { error: error.message, field: error.field } }
  }
  return { status: 500, body: { error: String(error) } }
}

function respond(response: ServerResponse, status: number, body: unknown): void {
  const isText = typeof body === 'string'
  response.writeHead(status, { 'content-type': `${isText ? 'text/plain' : 'application/json'}; charset=utf-8` })
  response.end(isText ? body : `${JSON.stringify(body)}\n`)
}
