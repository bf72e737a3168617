import { z } from 'zod'
import { definedOnly } from '../defined-only.ts'
import { MEDIA_KINDS } from '../media/cipher.ts'
import { InputError } from './input.ts'
import { type Operation, operation } from './operation.ts'
import { contactOf, phoneOf } from './people.ts'
import { count, phone, text } from './schemas.ts'

const file = z
  .object({
    path: text.meta({ description: 'Without its signature', examples: ['/v/t62.7118-24/1_2_n.enc'] }),
    type: text.meta({ description: 'As it was uploaded: image, document, picture, md-msg-hist, …' }),
    size: z.int().meta({ description: 'Bytes at the server, with padding and HMAC' }),
    hash: text.meta({ description: 'SHA-256 of these bytes, base64url' }),
    at: z.int().meta({ description: 'Milliseconds since the epoch' }),
    status: z.int().meta({ description: 'What fetching it is answered with now' }),
  })
  .meta({ id: 'MediaFile', description: 'A link to a file at the media hosts' })

const fault = z.strictObject({
  on: z.enum(['upload', 'download']).optional().meta({ description: 'Only these; both by default' }),
  host: text.optional().meta({ description: 'Only under this host name, without port' }),
  type: text.optional().meta({ description: 'Only files of this type' }),
  times: z.int().min(1).optional().meta({ description: 'How often; until faults are cleared by default' }),
  delayMs: count.optional().meta({ description: "Waits this long first, in the network's time" }),
  status: z.int().min(300).max(599).optional().meta({ description: 'Answers with this status instead' }),
  cutAfter: count.optional().meta({ description: 'Cuts the connection after so many bytes of the file' }),
  truncateTo: count.optional().meta({ description: 'Gives out so many bytes, as if that was all' }),
  corrupt: z.boolean().optional().meta({ description: 'One bit of what is downloaded is wrong' }),
})

/** The media hosts, and what people see of their files. */
export const mediaOperations: readonly Operation[] = [
  operation({
    id: 'mediaFiles',
    method: 'GET',
    path: '/admin/media',
    summary: 'All files that were uploaded or sent, each link once, oldest first',
    answer: file.array(),
    example: {
      answer: [{ path: '/v/t62.7118-24/1_2_n.enc', type: 'image', size: 122, hash: '47DEQpj8', at: 1, status: 200 }],
    },
    handle: ({ emulator }) => emulator.media.files,
  }),
  operation({
    id: 'forgetMedia',
    method: 'POST',
    path: '/admin/media/forget',
    summary: 'The server no longer has a file, or all of them; phones that know it can bring it back',
    body: z.strictObject({
      path: text.optional().meta({ description: 'All files by default' }),
      status: z.union([z.literal(403), z.literal(404), z.literal(410)]).optional(),
    }),
    errors: [404],
    example: { body: { path: '/v/t62.7118-24/1_2_n.enc', status: 410 } },
    handle: ({ emulator }, { body }) => {
      const path = body.path?.split('?')[0]
      const isThere = emulator.media.files.some((each) => path === undefined || each.path === path)
      if (!isThere) throw new InputError('path', `The server has no file ${path ?? ''}.`, 404)
      emulator.media.forgets(path, body.status)
    },
  }),
  operation({
    id: 'failMedia',
    method: 'POST',
    path: '/admin/media/faults',
    summary: 'What shall go wrong with uploads and downloads; several can be asked for',
    body: fault,
    example: { body: { on: 'download', type: 'image', status: 503, times: 1 } },
    handle: ({ emulator }, { body }) => emulator.media.fails(definedOnly(body)),
  }),
  operation({
    id: 'recoverMedia',
    method: 'DELETE',
    path: '/admin/media/faults',
    summary: 'Nothing goes wrong with files any more',
    handle: ({ emulator }) => emulator.media.recovers(),
  }),
  ...(['phone', 'contact'] as const).map((kind) =>
    operation({
      id: `${kind}Downloads`,
      method: 'GET',
      path: `/admin/${kind}s/{phone}/messages/{id}/file`,
      summary: 'The file of a message, fetched and decrypted as by a strict client',
      params: z.strictObject({ phone, id: text }),
      answer: z.object({ bytes: z.base64() }),
      errors: [404],
      example: { answer: { bytes: 'SGFsbG8=' } },
      handle: async (network, { params }) => {
        const person = kind === 'phone' ? phoneOf(network, params.phone) : contactOf(network, params.phone)
        const bytes = await person.downloads(params.id).catch((error: Error) => {
          throw new InputError('id', error.message, 404) // whatever the reason is, it is about that message
        })
        return { bytes: bytes.toString('base64') }
      },
    }),
  ),
  operation({
    id: 'phoneLosesFile',
    method: 'DELETE',
    path: '/admin/phones/{phone}/messages/{id}/file',
    summary: 'The file of a message is gone from the phone: companions that ask for it are told so',
    params: z.strictObject({ phone, id: text }),
    errors: [404],
    handle: (network, { params }) => phoneOf(network, params.phone).loses(params.id),
  }),
  operation({
    id: 'putMedia',
    method: 'POST',
    path: '/admin/media',
    summary: 'Encrypts a file and puts it on the media hosts: what it answers goes into a raw message',
    body: z.strictObject({ kind: z.enum(MEDIA_KINDS), bytes: z.base64() }),
    bodyLimit: 1 << 25,
    answer: z.object({
      url: text,
      directPath: text,
      mediaKey: z.base64(),
      fileSha256: z.base64(),
      fileEncSha256: z.base64(),
      fileLength: z.int(),
      mediaKeyTimestamp: z.int().meta({ description: 'Seconds' }),
    }),
    example: { body: { kind: 'image', bytes: 'SGFsbG8=' } },
    handle: ({ emulator }, { body }) => {
      const placed = emulator.media.put(Buffer.from(body.bytes, 'base64'), body.kind)
      return {
        ...placed,
        mediaKey: placed.mediaKey.toString('base64'),
        fileSha256: placed.fileSha256.toString('base64'),
        fileEncSha256: placed.fileEncSha256.toString('base64'),
      }
    },
  }),
]
