import { toBuffer, toString as toText } from 'qrcode'
import type { Handler } from './handler.ts'

/** Linking an account: a QR to scan or a code to type. Both are as good as a password while they last. */
export const linking: { [N in 'getQr' | 'createPairingCode']: Handler<N> } = {
  getQr: async ({ query: { format } }, { session, request }) => {
    const data = await session().qr()
    const type = format ? TYPES[format] : namedType(request.headers.get('accept') ?? '')
    // While there is none yet there is nothing to draw: the JSON says so.
    if (data.qr === null || type === TYPES.json) return { data }
    return new Response(await draw(data.qr, type), { headers: { 'content-type': type } })
  },

  createPairingCode: async ({ body: { phone } }, { session }) => ({ data: await session().pairingCode(phone) }),
}

const TYPES = {
  json: 'application/json',
  png: 'image/png',
  svg: 'image/svg+xml',
  text: 'text/plain; charset=utf-8',
} as const

type Type = (typeof TYPES)[keyof typeof TYPES]

async function draw(qr: string, type: Type): Promise<string | Uint8Array<ArrayBuffer>> {
  if (type === TYPES.png) return new Uint8Array(await toBuffer(qr, { scale: 6 }))
  if (type === TYPES.svg) return toText(qr, { type: 'svg' })
  return qr
}

/** The first picture type that an Accept header names; a wildcard names none, so that what asks for nothing gets JSON. */
function namedType(accept: string): Type {
  for (const range of accept.split(',')) {
    const [name, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    if (parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) continue
    if (name === 'application/json') return TYPES.json
    if (name === 'image/png') return TYPES.png
    if (name === 'image/svg+xml') return TYPES.svg
  }
  return TYPES.json
}
