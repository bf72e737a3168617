import { z } from 'zod'
import { KICK_REASONS } from '../faults.ts'
import { type Operation, operation } from './operation.ts'
import { phoneOf } from './people.ts'
import { count, phone } from './schemas.ts'

const switches = {
  ackDelayMs: count.meta({ description: "Holds the server's acks of messages back this long" }),
  dropAcks: z.boolean().meta({ description: 'Messages are delivered, but never acknowledged to their sender' }),
  dropFrames: z.boolean().meta({ description: 'Sockets stay open and say nothing any more, in both directions' }),
  phoneReceipts: z.boolean().meta({ description: 'Phones confirm what reaches them, not only companions' }),
}

export const faultOperations: readonly Operation[] = [
  operation({
    id: 'kick',
    method: 'POST',
    path: '/admin/kick',
    summary: 'Ends the connections of an account, with a stream error or by cutting the socket',
    body: z.strictObject({ phone, reason: z.enum(KICK_REASONS).optional().meta({ description: '`drop` by default' }) }),
    errors: [404],
    example: { body: { phone: '15550001001', reason: '503' } },
    handle: (network, { body }) => network.emulator.faults.kick(phoneOf(network, body.phone).phone, body.reason),
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
