import { z } from 'zod'
import { definedOnly } from '../defined-only.ts'
import { DIRECTIONS, type Fault, KICK_REASONS, type StanzaFaults } from '../faults.ts'
import { InputError } from './input.ts'
import { operation } from './operation.ts'
import { count, phone, text } from './schemas.ts'
import { fault, faultExample, shown, times } from './standing-faults.ts'

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
      return faults.slow(act.ms, definedOnly({ jitterMs: act.jitterMs }), howOften)
    case 'refuse':
      return faults.refuse(act.code, definedOnly({ text: act.text }), howOften)
    case 'kick':
      return faults.kick(act.reason, howOften)
    default:
      return faults[act.do](howOften)
  }
}

export const setStanzaFault = operation({
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
      return shown(setTrap(emulator.faults.on(definedOnly(named)), act, howOften))
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      throw new InputError('direction', error.message)
    }
  },
})
