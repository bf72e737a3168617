import { createHash } from 'node:crypto'
import { parseJid } from './jids.ts'

/**
 * The `phash` of a message: which devices its sender thought there were. Version 2: SHA-256 over the sorted names, each
 * written with agent 0 and its device number, `2:` and base64 of the first six bytes.
 */
export function participantHash(jids: readonly string[]): string {
  const names = jids.map((jid) => {
    const address = parseJid(jid)
    return address ? `${address.user}.0:${address.device}${jid.slice(jid.indexOf('@'))}` : jid
  })
  const digest = createHash('sha256').update(names.sort().join('')).digest()
  return `2:${digest.subarray(0, 6).toString('base64')}`
}

/** Clients differ in the alphabet of base64, and in whether the sending device counts. */
export function isHashOf(hash: string, jids: readonly string[], sender: string): boolean {
  const asked = hash.replaceAll('-', '+').replaceAll('_', '/')
  return asked === participantHash(jids) || asked === participantHash(jids.filter((jid) => jid !== sender))
}
