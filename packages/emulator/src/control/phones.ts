import { z } from 'zod'
import type { Phone } from '../api.ts'
import { InputError } from './input.ts'
import { messageOperations } from './messages.ts'
import { type Network, type Operation, operation } from './operation.ts'
import { free, peopleOperations, phoneOf, waiting } from './people.ts'
import { profileOperations } from './profile.ts'
import { examples, phone, phoneShown, text, timeoutMs } from './schemas.ts'

const linked = z
  .object({ phone: text, lid: text, device: z.int() })
  .meta({ id: 'Linked', description: 'A companion that has just been linked' })

const example = { answer: { phone: '15550000001', lid: '116615365354300', device: 1 } }

export const phoneOperations: readonly Operation[] = [
  operation({
    id: 'scanQr',
    method: 'POST',
    path: '/admin/mock-phone/scan-qr',
    summary: 'A phone scans a QR code',
    description:
      "The body is the text of the code as any client shows it. Without `phone` it is the phone that bears the client's `pushName` or has it " +
      'for its number, else the next number from 15550000001 that nobody has; never a contact. Answers when the client is linked.',
    query: z.strictObject({ phone: phone.optional() }),
    body: text.meta({
      description: 'The text of the QR code',
      examples: ['https://wa.me/settings/linked_devices#2@…'],
    }),
    bodyType: 'text/plain',
    answer: linked,
    errors: [409],
    example,
    handle: (network, { query, body }) => {
      const { emulator, linking } = network
      if (query.phone !== undefined) return emulator.phone(free(network, query.phone, 'phone')).scans(body)
      const name = linking.nameBehind(body)
      return emulator.phone(phoneFor(network, name), name === undefined ? {} : { name }).scans(body)
    },
  }),
  operation({
    id: 'enterCode',
    method: 'POST',
    path: '/admin/mock-phone/enter-code',
    summary: 'The eight letters that a client shows are typed on a phone',
    body: z.strictObject({ phone, code: text }),
    answer: linked,
    errors: [409],
    example: { body: { phone: '15550000001', code: 'ABCD1234' }, ...example },
    handle: (network, { body }) => network.emulator.phone(free(network, body.phone, 'phone')).entersCode(body.code),
  }),
  operation({
    id: 'makePhone',
    method: 'POST',
    path: '/admin/phones',
    summary: 'Makes a phone, or renames the one with that number',
    body: z.strictObject({ phone, name: text.optional() }),
    answer: phoneShown,
    errors: [409],
    example: { body: { phone: '15550001001', name: 'Alice' }, answer: { ...examples.phone, devices: [] } },
    handle: (network, { body }) => {
      const { phone: number, name } = body
      return shownPhone(network.emulator.phone(free(network, number, 'phone'), name === undefined ? {} : { name }))
    },
  }),
  operation({
    id: 'listPhones',
    method: 'GET',
    path: '/admin/phones',
    summary: 'All phones',
    answer: phoneShown.array(),
    example: { answer: [examples.phone] },
    handle: (network) =>
      network.world.accounts.all('phone').map((account) => shownPhone(phoneOf(network, account.phone))),
  }),
  operation({
    id: 'getPhone',
    method: 'GET',
    path: '/admin/phones/{phone}',
    summary: 'One phone',
    params: z.strictObject({ phone }),
    answer: phoneShown,
    errors: [404],
    example: { answer: examples.phone },
    handle: (network, { params }) => shownPhone(phoneOf(network, params.phone)),
  }),
  operation({
    id: 'unlink',
    method: 'POST',
    path: '/admin/phones/{phone}/unlink',
    summary: 'The owner removes a companion, which is logged out',
    params: z.strictObject({ phone }),
    body: z.strictObject({ device: z.int().min(0) }),
    errors: [404],
    example: { body: { device: 1 } },
    handle: async (network, { params, body }) => {
      const owner = phoneOf(network, params.phone)
      if (!owner.devices.includes(body.device)) {
        throw new InputError('device', `${owner.phone} has the devices ${owner.devices.join(', ') || '(none)'}.`)
      }
      await owner.unlink(body.device)
    },
  }),
  operation({
    id: 'phoneConnected',
    method: 'GET',
    path: '/admin/phones/{phone}/connected',
    summary: 'Waits until a companion of the phone is logged in and takes its mail',
    params: z.strictObject({ phone }),
    query: z.strictObject({ timeoutMs }),
    errors: [404, 504],
    handle: (network, { params, query, signal }) =>
      phoneOf(network, params.phone).connected(waiting({ timeoutMs: query.timeoutMs, signal })),
  }),
  ...messageOperations('phone'),
  ...peopleOperations('phone'),
  ...profileOperations('phone'),
]

/** The phone that a client means: the one that bears its name or is its name, else the next number that nobody has. */
function phoneFor({ world }: Network, name: string | undefined): string {
  const named = world.accounts.all('phone').find((account) => name !== undefined && account.name === name)
  if (named) return named.phone
  if (name !== undefined && /^[1-9]\d{6,14}$/.test(name) && world.accounts.get(name)?.kind !== 'contact') return name
  let number = 15_550_000_001
  while (world.accounts.get(String(number))) number++
  return String(number)
}

function shownPhone({ phone, lid, name, devices }: Phone): z.input<typeof phoneShown> {
  return { phone, lid, name, devices }
}
