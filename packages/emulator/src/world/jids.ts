import { jidDecode, jidEncode } from '@whiskeysockets/baileys'

/** The two names every account has: its phone number (`pn`) and its linked id (`lid`). A chat is held in one of them. */
export type Space = 'pn' | 'lid'

export interface Address {
  /** Phone digits or lid digits, as the space says; the id of a group. */
  readonly user: string
  readonly device: number
  readonly kind: Space | 'group' | 'broadcast' | 'newsletter' | 'server' | 'other'
}

export function parseJid(jid: string | undefined): Address | undefined {
  const decoded = jidDecode(jid)
  if (!decoded) return undefined
  const kind = KINDS[decoded.server] ?? 'other'
  return { user: decoded.user, device: decoded.device ?? 0, kind: decoded.user === '' ? 'server' : kind }
}

const KINDS: Record<string, Address['kind']> = {
  's.whatsapp.net': 'pn',
  'c.us': 'pn',
  lid: 'lid',
  'g.us': 'group',
  broadcast: 'broadcast',
  newsletter: 'newsletter',
}

/** Device 0 is never written: `user:0@…` and `user@…` are different bytes on the wire. */
export function toJid(names: { phone: string; lid: string }, space: Space, device = 0): string {
  return jidEncode(space === 'pn' ? names.phone : names.lid, space === 'pn' ? 's.whatsapp.net' : 'lid', device)
}

export function other(space: Space): Space {
  return space === 'pn' ? 'lid' : 'pn'
}

/** Digits of a phone number as people write it; throws when there is nothing to dial. */
export function toPhone(input: string): string {
  const digits = input.replace(/@.*$/, '').replace(/[\s()+.-]/g, '')
  if (!/^[1-9]\d{6,14}$/.test(digits)) throw new TypeError(`"${input}" is not an international phone number.`)
  return digits
}
