import { z } from 'zod'
import { definedOnly } from '../defined-only.ts'
import { CERTIFICATE_FLAWS, DIRECTIONS, KICK_REASONS, MALFORMED_KINDS, NACK_TREATMENTS } from '../faults.ts'
import { InputError } from './input.ts'
import { type Operation, operation } from './operation.ts'
import { phoneOf } from './people.ts'
import { count, phone, text } from './schemas.ts'
import { fault, faultExample, shown, standingFaultOperations, times } from './standing-faults.ts'
import { setStanzaFault } from './stanza-faults.ts'

const switches = {
  ackDelayMs: count.meta({ description: "Holds the server's acks of messages back this long" }),
  dropAcks: z.boolean().meta({ description: 'Messages are delivered, but never acknowledged to their sender' }),
  dropFrames: z.boolean().meta({ description: 'Sockets stay open and say nothing any more, in both directions' }),
  phoneReceipts: z.boolean().meta({ description: 'Phones confirm what reaches them, not only companions' }),
}

export const faultOperations: readonly Operation[] = [
  ...standingFaultOperations,
  setStanzaFault,
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
      const keys = emulator.faults.onKeys(definedOnly({ phone: body.phone, device: body.device }))
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
    handle: ({ emulator }, { body: { do: what, ...line } }) => shown(emulator.faults[what](definedOnly(line))),
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
      shown(emulator.faults.refuseLogins({ reason, ...definedOnly(more) }, howOften)),
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
      shown(emulator.faults.treatNacks(body.treatment, definedOnly({ phone: body.phone }), body.times)),
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
      network.emulator.faults.drainPreKeys(phoneOf(network, number).phone, definedOnly(options)),
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
      network.emulator.faults.timelock(phoneOf(network, number).phone, isActive ? definedOnly(lock) : undefined),
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
