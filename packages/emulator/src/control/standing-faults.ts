import { z } from 'zod'
import { definedOnly } from '../defined-only.ts'
import type { Fault } from '../faults.ts'
import { InputError } from './input.ts'
import { type Network, type Operation, operation } from './operation.ts'
import { count, queryCount, text, timeoutMs } from './schemas.ts'

export const times = z
  .int()
  .min(1)
  .optional()
  .meta({ description: 'How often it strikes; until it is lifted by default' })
export const fault = z
  .object({ id: z.string(), what: z.string(), count: count.meta({ description: 'How often it has struck' }) })
  .meta({ id: 'Fault' })
export const faultExample = { id: 'fault-1', what: 'drop phone 15550001001, tag ack', count: 0 }

export function shown({ id, what, count: struck }: Fault) {
  return { id, what, count: struck }
}

function faultOf({ emulator }: Network, id: string): Fault {
  const found = emulator.faults.all.find((one) => one.id === id)
  if (!found) throw new InputError('id', `There is no fault ${id} (any more).`, 404)
  return found
}

/** What can be done with faults that were asked for. */
export const standingFaultOperations: readonly Operation[] = [
  operation({
    id: 'listFaults',
    method: 'GET',
    path: '/admin/faults',
    summary: 'The faults that nobody has lifted, spent ones too',
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
      await found.struck(query.times, { signal, ...definedOnly({ timeoutMs: query.timeoutMs }) })
      return shown(found)
    },
  }),
]
