import { z } from 'zod'
import { type Operation, operation } from './operation.ts'

const time = z.object({ now: z.number().meta({ description: 'Milliseconds since the epoch' }) })

export const networkOperations: readonly Operation[] = [
  operation({
    id: 'health',
    method: 'GET',
    path: '/admin/health',
    summary: 'How the network is',
    answer: z.object({
      status: z.literal('ok'),
      url: z.string().meta({ description: 'Where clients connect' }),
      network: z.boolean().meta({ description: 'False while the plug is pulled' }),
      phones: z.int(),
      contacts: z.int(),
      connected: z.array(z.string()).meta({ description: 'Logged-in companions as phone:device' }),
      pending: z.int().meta({ description: 'Stanzas that nobody has confirmed yet' }),
      unknownStanzas: z.int(),
    }),
    example: {
      answer: {
        status: 'ok',
        url: 'ws://127.0.0.1:3001/ws/chat',
        network: true,
        phones: 1,
        contacts: 1,
        connected: ['15550001001:1'],
        pending: 0,
        unknownStanzas: 0,
      },
    },
    handle: ({ emulator, world }) => ({
      status: 'ok' as const,
      url: emulator.url,
      network: world.faults.isNetworkUp,
      phones: world.accounts.all('phone').length,
      contacts: world.accounts.all('contact').length,
      connected: [...world.logins.keys()].sort(),
      pending: world.post.total(),
      unknownStanzas: emulator.unknownStanzas.length,
    }),
  }),
  operation({
    id: 'noiseRoot',
    method: 'GET',
    path: '/admin/noise-root',
    summary: "The public key of the root of the network's Noise certificates, for clients that check them",
    answer: z.object({
      publicKey: z.string().meta({ description: '32 bytes in base64' }),
      hex: z.string().meta({ description: 'The same bytes' }),
      serial: z.literal(0).meta({ description: 'What an intermediate certificate names as its issuer' }),
    }),
    handle: ({ emulator }) => ({
      publicKey: emulator.rootPublicKey.toString('base64'),
      hex: emulator.rootPublicKey.toString('hex'),
      serial: 0 as const,
    }),
  }),
  operation({
    id: 'ca',
    method: 'GET',
    path: '/admin/ca.pem',
    summary: 'The certificate of the authority that TLS clients must trust, as PEM',
    answer: z.string(),
    answerType: 'text/plain',
    handle: ({ emulator }) => emulator.tls.ca,
  }),
  operation({
    id: 'unknownStanzas',
    method: 'GET',
    path: '/admin/unknown-stanzas',
    summary: 'What clients said and nobody taught the emulator',
    answer: z.array(
      z
        .object({
          from: z.string().meta({ description: 'phone:device' }),
          xml: z.string(),
          file: z.string().meta({ description: 'Where a handler for it would go' }),
        })
        .meta({ id: 'UnknownStanza' }),
    ),
    handle: ({ emulator }) => [...emulator.unknownStanzas],
  }),
  operation({
    id: 'clock',
    method: 'GET',
    path: '/admin/clock',
    summary: 'The time of the network',
    answer: time,
    example: { answer: { now: 1_703_123_456_789 } },
    handle: ({ emulator }) => ({ now: emulator.clock.now() }),
  }),
  operation({
    id: 'advanceClock',
    method: 'POST',
    path: '/admin/clock/advance',
    summary: 'Moves the clock forwards: what becomes due on the way happens',
    body: z.strictObject({ ms: z.number().min(0) }),
    answer: time,
    example: { body: { ms: 86_400_000 }, answer: { now: 1_703_209_856_789 } },
    handle: async ({ emulator }, { body }) => {
      await emulator.clock.advance(body.ms)
      return { now: emulator.clock.now() }
    },
  }),
]
