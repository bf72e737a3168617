import { fromJid } from './jid.ts'

/** A phone and the hidden id of the same person, as digits; undefined when the pair is none. */
export function lidOfPhone(lidJid: string, phoneJid: string): { phone: string; lid: string } | undefined {
  const [a, b] = [fromJid(lidJid), fromJid(phoneJid)]
  const lid = a?.lid ?? b?.lid
  const phone = a?.phone ?? b?.phone
  return lid !== undefined && phone !== undefined ? { phone, lid } : undefined
}

/** A session record as libsignal serialises it. */
interface StoredRecord {
  _sessions: Record<string, { indexInfo: { closed: number } }>
  version: string
}

/**
 * One record of the two that a person had under two names. The one under the hidden id stays in use; the sessions of
 * the other are kept closed, so that what is still on its way can be read.
 */
export function mergeSessions(kept: Uint8Array | undefined, moved: Uint8Array): Uint8Array {
  if (!kept) return moved
  // Baileys types records as bytes and stores the objects that libsignal serialises.
  const [into, from] = [structuredClone(kept), moved] as unknown as [StoredRecord, StoredRecord]
  for (const [key, session] of Object.entries(from._sessions)) {
    if (key in into._sessions) continue
    const closed = session.indexInfo.closed === -1 ? Date.now() : session.indexInfo.closed
    into._sessions[key] = { ...session, indexInfo: { ...session.indexInfo, closed } }
  }
  return into as unknown as Uint8Array
}
