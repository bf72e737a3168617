import { AsyncLocalStorage } from 'node:async_hooks'
import { createRequire } from 'node:module'

// What the patches below touch of libsignal. It ships no types for these.
interface SignalSession {
  indexInfo: { closed: number; used: number; remoteIdentityKey: Uint8Array }
}
interface Entry {
  serialize(): object
}
interface EntryClass {
  deserialize(data: object): SignalSession & Entry
}
interface SessionRecord {
  sessions: Record<string, SignalSession & Entry>
  getOpenSession(): SignalSession | undefined
}
interface SessionBuilder {
  storage: object
  initIncoming(record: SessionRecord, message: unknown): Promise<unknown>
  initOutgoing(device: unknown): Promise<void>
}
interface SessionCipher {
  doDecryptWhisperMessage(data: Uint8Array, session: SignalSession): Promise<Uint8Array>
}
interface LibSignal {
  SessionCipher: { prototype: SessionCipher & Record<string, unknown> }
  SessionBuilder: { prototype: Record<string, unknown> }
  SessionRecord: { prototype: Record<string, unknown> }
}

/** As many closed sessions as libsignal keeps itself. */
const CLOSED_KEPT = 40
/** What libsignal writes into `closed` of a session that is not. */
const OPEN = -1
let patched = false

/**
 * Mends faults of libsignal 6.0.0, once per process, for everybody who uses it:
 *
 * - To find the session of a message it tries each on the live record, and a try steps the ratchet and uses up keys
 *   before the MAC is checked. One late message of an old session then ruins the new one for good. Here each candidate
 *   is tried on a copy.
 * - Its queue is one for the whole process and runs a job in the async context of whoever came first, so that two
 *   accounts who write to the same person write into each other's transaction. Here a job runs where it was asked for;
 *   the order is kept by the one lock that each account has.
 * - It prints sessions, private ratchet keys included, to the console. Here it says nothing.
 */
export function patchLibsignal(): void {
  if (patched) return
  patched = true
  const require = createRequire(createRequire(import.meta.url).resolve('@whiskeysockets/baileys'))
  const libsignal = require('libsignal') as LibSignal
  const { SessionError } = require('libsignal/src/errors.js') as { SessionError: new (message: string) => Error }
  const cipher = libsignal.SessionCipher.prototype
  const builder = libsignal.SessionBuilder.prototype
  const record = libsignal.SessionRecord.prototype
  expectMethods(cipher, 'decryptWithSessions', 'doDecryptWhisperMessage', 'queueJob')
  expectMethods(builder, 'initIncoming', 'initOutgoing')
  expectMethods(record, 'closeSession', 'openSession', 'removeOldSessions', 'getOpenSession')

  cipher.queueJob = (job: () => Promise<unknown>) => job()
  cipher.decryptWithSessions = async function (
    this: SessionCipher,
    data: Uint8Array,
    sessions: (SignalSession & Entry)[],
  ) {
    if (sessions.length === 0) throw new SessionError('No sessions available')
    const errors: unknown[] = []
    for (const session of sessions) {
      try {
        const plaintext = await tryOnCopy(this, data, session, sessions.length > 1)
        session.indexInfo.used = Date.now()
        // The caller looks at the identity, and warns on the console when the session is a closed one.
        return { session: { indexInfo: { ...session.indexInfo, closed: OPEN } }, plaintext }
      } catch (error) {
        errors.push(error)
      }
    }
    throw Object.assign(new SessionError('No matching sessions found for message'), { cause: errors })
  }

  const { initIncoming, initOutgoing } = builder as unknown as SessionBuilder
  builder.initIncoming = function (this: SessionBuilder, live: SessionRecord, message: unknown) {
    // It closes the open session, but not without a word; this view has closed it when it is asked.
    const view = Object.create(live, {
      getOpenSession: {
        value: () => {
          const open = live.getOpenSession()
          if (open) open.indexInfo.closed = Date.now()
        },
      },
    })
    return initIncoming.call(this, view, message)
  }
  builder.initOutgoing = function (this: SessionBuilder, device: unknown) {
    return initOutgoing.call(Object.create(this, { storage: { value: inThisContext(this.storage) } }), device)
  }

  record.closeSession = (session: SignalSession) => {
    if (session.indexInfo.closed === OPEN) session.indexInfo.closed = Date.now()
  }
  record.openSession = (session: SignalSession) => {
    session.indexInfo.closed = OPEN
  }
  record.removeOldSessions = function (this: SessionRecord) {
    const closed = Object.entries(this.sessions).filter(([, session]) => session.indexInfo.closed !== OPEN)
    closed.sort(([, a], [, b]) => a.indexInfo.closed - b.indexInfo.closed)
    const tooMany = Object.keys(this.sessions).length - CLOSED_KEPT
    for (const [key] of closed.slice(0, Math.max(0, tooMany))) delete this.sessions[key]
  }
}

function expectMethods(owner: object, ...names: string[]): void {
  for (const name of names) {
    const method = (owner as Record<string, unknown>)[name]
    if (typeof method !== 'function') throw new Error(`libsignal has no ${name} any more: its patch must be made anew.`)
  }
}

async function tryOnCopy(
  cipher: SessionCipher,
  data: Uint8Array,
  session: SignalSession & Entry,
  several: boolean,
): Promise<Uint8Array> {
  // A single candidate that fails is thrown away with its record: nothing is stored.
  if (!several) return cipher.doDecryptWhisperMessage(data, session)
  const copy = (session.constructor as unknown as EntryClass).deserialize(structuredClone(session.serialize()))
  const plaintext = await cipher.doDecryptWhisperMessage(data, copy)
  // What decrypting removed, a pending pre-key for one, must not stay.
  for (const key of Object.keys(session))
    if (!(key in copy)) delete (session as unknown as Record<string, unknown>)[key]
  Object.assign(session, copy)
  return plaintext
}

/** The same storage, whose methods run in the async context of now, wherever they are called from. */
function inThisContext(storage: object): object {
  return new Proxy(storage, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? AsyncLocalStorage.bind(value.bind(target)) : value
    },
  })
}
