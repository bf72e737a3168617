import { z } from 'zod'
import {
  CERTIFICATE_FLAWS,
  DIRECTIONS,
  type Fault,
  KICK_REASONS,
  MALFORMED_KINDS,
  NACK_TREATMENTS,
  type StanzaFaults,
} from '../faults.ts'
import { InputError } from './input.ts'
import { type Network, type Operation, operation } from './operation.ts'
import { phoneOf } from './people.ts'
import { count, phone, queryCount, text, timeoutMs } from './schemas.ts'

const switches = {
  ackDelayMs: count.meta({ description: "Holds the server's acks of messages back this long" }),
  dropAcks: z.boolean().meta({ description: 'Messages are delivered, but never acknowledged to their sender' }),
  dropFrames: z.boolean().meta({ description: 'Sockets stay open and say nothing any more, in both directions' }),
  phoneReceipts: z.boolean().meta({ description: 'Phones confirm what reaches them, not only companions' }),
}

const times = z.int().min(1).optional().meta({ description: 'How often it strikes; until it is lifted by default' })
const fault = z
  .object({ id: z.string(), what: z.string(), count: count.meta({ description: 'How often it has struck' }) })
  .meta({ id: 'Fault' })
const faultExample = { id: 'fault-1', what: 'drop phone 15550001001, tag ack', count: 0 }

function shown({ id, what, count: struck }: Fault) {
  return { id, what, count: struck }
}

function faultOf({ emulator }: Network, id: string): Fault {
  const found = emulator.faults.all.find((one) => one.id === id)
  if (!found) throw new InputError('id', `There is no fault ${id} (any more).`, 404)
  return found
}

/** Without what was left out, which is not the same as undefined. */
function given<T extends object>(fields: T): { [name in keyof T]?: Exclude<T[name], undefined> } {
  // Object.entries loses the key type; the entries are T's own.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}

const where = {
  phone: phone.optional().meta({ description: 'The account whose client sends or gets the stanza' }),
  device: count.optional(),
  direction: z.enum(DIRECTIONS).optional(),
  tag: text.optional().meta({ description: '`message`, `ack`, `receipt`, `iq`, …' }),
  type: text.optional(),
  class: text.optional().meta({ description: 'Of acks: what they are for' }),
  xmlns: text.optional().meta({ description: 'Of queries' }),
  id: text.optional(),
  child: text.optional().meta({ description: 'The name of a child' }),
}

const acts = z.discriminatedUnion('do', [
  z.strictObject({ do: z.enum(['drop', 'hold', 'duplicate', 'swap', 'corrupt', 'tear']) }),
  z.strictObject({ do: z.literal('delay'), ms: count }),
  z.strictObject({ do: z.literal('slow'), ms: count, jitterMs: count.optional() }),
  z.strictObject({ do: z.literal('refuse'), code: count, text: text.optional() }),
  z.strictObject({ do: z.literal('kick'), reason: z.enum(KICK_REASONS) }),
])

function setTrap(faults: StanzaFaults, act: z.output<typeof acts>, howOften: number | undefined): Fault {
  switch (act.do) {
    case 'delay':
      return faults.delay(act.ms, howOften)
    case 'slow':
      return faults.slow(act.ms, given({ jitterMs: act.jitterMs }), howOften)
    case 'refuse':
      return faults.refuse(act.code, given({ text: act.text }), howOften)
    case 'kick':
      return faults.kick(act.reason, howOften)
    default:
      return faults[act.do](howOften)
  }
}

export const faultOperations: readonly Operation[] = [
  operation({
    id: 'listFaults',
    method: 'GET',
    path: '/admin/faults',
    summary: 'The faults that are not over, or hold something back',
    answer: z.array(fault),
    example: { answer: [faultExample] },
    handle: ({ emulator }) => emulator.faults.all.map(shown),
  }),
  operation({
    id: 'liftFaults',
    method: 'DELETE',
    path: '/admin/faults',
    summary: 'Lifts all faults and puts the switches back',
    handle: ({ emulator }) => emulator.faults.lift(),
  }),
  operation({
    id: 'liftFault',
    method: 'DELETE',
    path: '/admin/faults/{id}',
    summary: 'Lifts a fault: what it holds back goes on its way',
    params: z.strictObject({ id: text }),
    errors: [404],
    handle: (network, { params }) => faultOf(network, params.id).lift(),
  }),
  operation({
    id: 'awaitFault',
    method: 'GET',
    path: '/admin/faults/{id}/struck',
    summary: 'Waits until a fault has struck',
    params: z.strictObject({ id: text }),
    query: z.strictObject({
      times: queryCount.optional().meta({ description: 'How often; once by default' }),
      timeoutMs,
    }),
    answer: fault,
    errors: [404, 504],
    example: { query: { times: '2' }, answer: { ...faultExample, count: 2 } },
    handle: async (network, { params, query, signal }) => {
      const found = faultOf(network, params.id)
      await found.struck(query.times, { signal, ...given({ timeoutMs: query.timeoutMs }) })
      return shown(found)
    },
  }),
  operation({
    id: 'setStanzaFault',
    method: 'POST',
    path: '/admin/faults/stanzas',
    summary: 'Lies in wait for stanzas, which are lost, late, doubled, refused or damaged',
    description:
      '`drop` loses them, `delay` lets others overtake them, `slow` does not, `hold` keeps them until the fault is lifted, ' +
      '`duplicate` doubles them, `swap` lets the next one go first, `refuse` answers a client with an error, `corrupt` ' +
      'damages the ciphertexts, `kick` ends the connection instead, `tear` stops in the middle of a frame.',
    body: z.strictObject({ ...where, act: acts, times }),
    answer: fault,
    example: {
      body: { phone: '15550001001', direction: 'to-client', tag: 'ack', act: { do: 'drop' }, times: 1 },
      answer: faultExample,
    },
    handle: ({ emulator }, { body: { act, times: howOften, ...named } }) => {
      try {
        return shown(setTrap(emulator.faults.on(given(named)), act, howOften))
      } catch (error) {
        if (!(error instanceof TypeError)) throw error
        throw new InputError('direction', error.message)
      }
    },
  }),
  operation({
    id: 'setKeyFault',
    method: 'POST',
    path: '/admin/faults/keys',
    summary: 'Spoils the keys that are handed out for a device, or for any',
    body: z.strictObject({
      phone: phone.optional(),
      device: count.optional(),
      do: z.enum(['refuse', 'withoutOneTimeKey', 'forge']),
      code: count.optional().meta({ description: 'Of a refusal: 404 by default' }),
      times,
    }),
    answer: fault,
    example: { body: { phone: '491234567890', device: 0, do: 'refuse', code: 404 }, answer: faultExample },
    handle: ({ emulator }, { body }) => {
      const keys = emulator.faults.onKeys(given({ phone: body.phone, device: body.device }))
      return shown(body.do === 'refuse' ? keys.refuse(body.code, body.times) : keys[body.do](body.times))
    },
  }),
  operation({
    id: 'setLineFault',
    method: 'POST',
    path: '/admin/faults/lines',
    summary: 'A line on which nothing gets through: for ever (blackhole) or until it is lifted (stall)',
    body: z.strictObject({
      phone: phone.optional(),
      device: count.optional(),
      direction: z.enum(DIRECTIONS).optional().meta({ description: 'Both by default' }),
      do: z.enum(['blackhole', 'stall']),
    }),
    answer: fault,
    example: { body: { phone: '15550001001', do: 'blackhole' }, answer: faultExample },
    handle: ({ emulator }, { body: { do: what, ...line } }) => shown(emulator.faults[what](given(line))),
  }),
  operation({
    id: 'setConnectFault',
    method: 'POST',
    path: '/admin/faults/connecting',
    summary: 'What those find who connect: no answer, a reset, a WebSocket that is mute, or an HTTP status',
    body: z.strictObject({
      answer: z.union([z.enum(['unanswered', 'refused', 'mute']), z.int().min(300).max(599)]),
      times,
    }),
    answer: fault,
    example: { body: { answer: 'unanswered', times: 1 }, answer: faultExample },
    handle: ({ emulator }, { body }) => shown(emulator.faults.connecting(body.answer, body.times)),
  }),
  operation({
    id: 'setCertificateFault',
    method: 'POST',
    path: '/admin/faults/certificates',
    summary: 'What is wrong with the certificates that all see who shake hands',
    description:
      '`root` and `leaf` are signed by somebody else, `serial` names another issuer, `missing` has no leaf, `expired` and ' +
      '`early` are not valid now, `swapped` belongs to another server than the one that answers.',
    body: z.strictObject({ flaw: z.enum(CERTIFICATE_FLAWS), times }),
    answer: fault,
    example: { body: { flaw: 'swapped', times: 1 }, answer: faultExample },
    handle: ({ emulator }, { body }) => shown(emulator.faults.certificates(body.flaw, body.times)),
  }),
  operation({
    id: 'refuseLogins',
    method: 'POST',
    path: '/admin/faults/logins',
    summary: 'Refuses logins, of one account or all',
    body: z.strictObject({
      reason: count.meta({ description: '401, 402 (banned for a time), 403, 405, 406, 409, 411, 500, 503' }),
      phone: phone.optional(),
      code: count.optional().meta({ description: 'Of a ban' }),
      expiresInMs: count.optional().meta({ description: 'Of a ban' }),
      times,
    }),
    answer: fault,
    example: { body: { reason: 402, code: 101, expiresInMs: 3_600_000, times: 1 }, answer: faultExample },
    handle: ({ emulator }, { body: { times: howOften, reason, ...more } }) =>
      shown(emulator.faults.refuseLogins({ reason, ...given(more) }, howOften)),
  }),
  operation({
    id: 'treatNacks',
    method: 'POST',
    path: '/admin/faults/nacks',
    summary: 'What the server does when a client refuses a message: keep it, stall the queue, or close the stream',
    body: z.strictObject({ treatment: z.enum(NACK_TREATMENTS), phone: phone.optional(), times }),
    answer: fault,
    example: { body: { treatment: 'stall', phone: '15550001001' }, answer: faultExample },
    handle: ({ emulator }, { body }) =>
      shown(emulator.faults.treatNacks(body.treatment, given({ phone: body.phone }), body.times)),
  }),
  operation({
    id: 'drainPreKeys',
    method: 'POST',
    path: '/admin/faults/pre-keys',
    summary: 'Throws one-time keys of companions away and tells them',
    body: z.strictObject({ phone, device: count.optional(), left: count.optional() }),
    errors: [404],
    example: { body: { phone: '15550001001', left: 2 } },
    handle: (network, { body: { phone: number, ...options } }) =>
      network.emulator.faults.drainPreKeys(phoneOf(network, number).phone, given(options)),
  }),
  operation({
    id: 'setTimelock',
    method: 'POST',
    path: '/admin/faults/timelock',
    summary: 'Restricts an account to the chats that it has, or lifts that; its companions are told',
    body: z.strictObject({
      phone,
      isActive: z.boolean().optional().meta({ description: 'True by default' }),
      until: count.optional().meta({ description: 'Milliseconds since the epoch; until it is lifted by default' }),
      type: text.optional().meta({ description: '`DEFAULT` by default' }),
    }),
    errors: [404],
    example: { body: { phone: '15550001001', until: 1_800_000_000_000 } },
    handle: (network, { body: { phone: number, isActive = true, ...lock } }) =>
      network.emulator.faults.timelock(phoneOf(network, number).phone, isActive ? given(lock) : undefined),
  }),
  operation({
    id: 'sendMalformed',
    method: 'POST',
    path: '/admin/faults/malformed',
    summary: 'Sends the clients of an account something that no server should',
    body: z.strictObject({ phone, kind: z.enum(MALFORMED_KINDS) }),
    errors: [404],
    example: { body: { phone: '15550001001', kind: 'truncated' } },
    handle: (network, { body }) => network.emulator.faults.malformed(phoneOf(network, body.phone).phone, body.kind),
  }),
  operation({
    id: 'kick',
    method: 'POST',
    path: '/admin/kick',
    summary: 'Ends the connections of an account, or all, with a stream error or by cutting the socket',
    body: z.strictObject({
      phone: phone.optional(),
      device: count.optional(),
      reason: z.enum(KICK_REASONS).optional().meta({ description: '`drop` by default' }),
    }),
    errors: [404],
    example: { body: { phone: '15550001001', reason: '503' } },
    handle: (network, { body: { phone: number, device, reason } }) => {
      if (number === undefined) {
        if (device !== undefined) throw new InputError('device', 'A device is one of an account: name its phone.')
        return network.emulator.faults.kickAll(reason)
      }
      network.emulator.faults.kick(phoneOf(network, number).phone, reason, device === undefined ? {} : { device })
    },
  }),
  operation({
    id: 'switchNetwork',
    method: 'POST',
    path: '/admin/network',
    summary: 'Pulls the plug of all, or puts it back: sockets are cut, and refused until it is up again',
    body: z.strictObject({ up: z.boolean() }),
    example: { body: { up: false } },
    handle: ({ emulator }, { body }) => emulator.faults.network(body.up),
  }),
  operation({
    id: 'setFaults',
    method: 'POST',
    path: '/admin/faults',
    summary: 'Switches faults; what is left out stays as it is',
    body: z.strictObject({
      ...z.object(switches).partial().shape,
      rejectNext: count.optional().meta({ description: 'The next login is answered with this failure code' }),
      failNextDecrypt: z.strictObject({ phone, times: count.optional() }).optional().meta({
        description: 'The next messages to this person cannot be read and are asked for again; one by default',
      }),
      refuseNextMessage: z
        .strictObject({ phone, code: count.optional() })
        .optional()
        .meta({ description: 'The next message of this person is refused with this code, 463 by default' }),
    }),
    answer: z.object(switches),
    example: {
      body: { dropAcks: true, failNextDecrypt: { phone: '491234567890', times: 2 } },
      answer: { ackDelayMs: 0, dropAcks: true, dropFrames: false, phoneReceipts: false },
    },
    handle: ({ emulator: { faults } }, { body }) => {
      const { ackDelayMs, dropAcks, dropFrames, phoneReceipts, rejectNext, failNextDecrypt, refuseNextMessage } = body
      if (ackDelayMs !== undefined) faults.ackDelayMs = ackDelayMs
      if (dropAcks !== undefined) faults.dropAcks = dropAcks
      if (dropFrames !== undefined) faults.dropFrames = dropFrames
      if (phoneReceipts !== undefined) faults.phoneReceipts = phoneReceipts
      if (rejectNext !== undefined) faults.rejectNext(rejectNext)
      if (failNextDecrypt) faults.failNextDecrypt(failNextDecrypt.phone, failNextDecrypt.times)
      if (refuseNextMessage) faults.refuseNextMessage(refuseNextMessage.phone, refuseNextMessage.code ?? 463)
      return {
        ackDelayMs: faults.ackDelayMs,
        dropAcks: faults.dropAcks,
        dropFrames: faults.dropFrames,
        phoneReceipts: faults.phoneReceipts,
      }
    },
  }),
]
