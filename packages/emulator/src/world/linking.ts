import {
  createCipheriv,
  createDecipheriv,
  hkdfSync,
  pbkdf2 as pbkdf2Callback,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { promisify } from 'node:util'
import { type BinaryNode, Curve, proto } from '@whiskeysockets/baileys'
import { completeDevice, type HalfSigned, sealDevice, signDevice } from '../signal/adv.ts'
import { newPair } from '../state/server-keys.ts'
import type { Connection } from '../stream/connection.ts'
import { bytesOf, child, el, SERVER } from '../stream/nodes.ts'
import type { Account } from './accounts.ts'
import { type Deferred, defer } from './deferred.ts'
import type { Device } from './devices.ts'
import { parseJid, toJid } from './jids.ts'
import type { World } from './world.ts'

/** A code is asked for a few milliseconds before anybody can type it. */
const CODE_PATIENCE_MS = 2000
const pbkdf2 = promisify(pbkdf2Callback)

export interface Linked {
  readonly phone: string
  readonly lid: string
  readonly device: number
}

/** A client that wants to become a companion: its keys, and what it is waiting for. */
interface Applicant {
  readonly connection: Connection
  readonly noiseKey: Buffer
  readonly identityKey: Buffer
  readonly registrationId: number
  readonly signedPreKey: Device['signedPreKey']
  readonly name: string | undefined
  readonly refs: readonly string[]
  readonly since: number
  code?: CodeRequest
  success?: Success
}

interface CodeRequest {
  readonly phone: string
  readonly ref: Buffer
  readonly wrappedCompanionKey: Buffer
  primary?: {
    account: Account
    ephemeral: { public: Buffer; private: Buffer }
    companionKey: Buffer
    linked: Deferred<Linked>
  }
}

interface Success {
  readonly account: Account
  readonly device: number
  readonly keyIndex: number
  readonly half: HalfSigned
  readonly iqId: string
  readonly linked: Deferred<Linked>
}

/** A client could not be linked. `field` is what to look at. */
export class LinkingError extends Error {
  readonly field: 'qr' | 'code' | 'client'

  constructor(field: LinkingError['field'], message: string) {
    super(message)
    this.name = 'LinkingError'
    this.field = field
  }
}

/** How a client becomes a companion of a phone: by QR code or by eight letters. One instance serves all connections. */
export class Linking {
  readonly #world: World
  readonly #applicants = new Map<Connection, Applicant>()
  readonly #byRef = new Map<string, Applicant>()
  readonly #requests = new EventEmitter()

  constructor(world: World) {
    this.#world = world
  }

  /** A client without an account has connected: shows it six refs, one for each code it will display. */
  begin(connection: Connection, noiseKey: Buffer, payload: proto.ClientPayload): void {
    const data = payload.devicePairingData
    if (!data?.eIdent || !data.eSkeyVal || !data.eSkeySig || !data.eRegid || !data.eSkeyId) {
      throw new LinkingError('client', 'the registration has no keys')
    }
    const applicant: Applicant = {
      connection,
      noiseKey,
      identityKey: Buffer.from(data.eIdent),
      registrationId: Buffer.from(data.eRegid).readUInt32BE(0),
      signedPreKey: {
        id: Buffer.from(data.eSkeyId).readUIntBE(0, 3),
        value: Buffer.from(data.eSkeyVal),
        signature: Buffer.from(data.eSkeySig),
      },
      name: payload.pushName || undefined,
      refs: Array.from({ length: 6 }, () => `2@${randomBytes(48).toString('base64')}`),
      since: Date.now(),
    }
    const { identityKey, signedPreKey } = applicant
    if (!this.#world.isValidPreKey(identityKey, signedPreKey.value, signedPreKey.signature)) {
      throw new LinkingError('client', 'the signed pre-key of the registration is not signed by its identity key')
    }
    this.#applicants.set(connection, applicant)
    for (const ref of applicant.refs) this.#byRef.set(ref, applicant)
    const refs = applicant.refs.map((ref) => el('ref', {}, Buffer.from(ref)))
    connection.send(el('iq', { from: SERVER, type: 'set', id: this.#world.newId() }, [el('pair-device', {}, refs)]))
  }

  /** The phone's camera sees a code. Resolves when the companion is linked; it will log in next. */
  scan(account: Account, qr: string): Promise<Linked> {
    const { ref, noiseKey, identityKey, advSecret } = parseQr(qr)
    const applicant = this.#byRef.get(ref)
    if (!applicant) throw new LinkingError('qr', 'No client is showing this QR code (any more).')
    if (Date.now() - applicant.since >= this.#world.options.qrRefTtlMs)
      throw new LinkingError('qr', 'The QR code has expired.')
    if (!applicant.noiseKey.equals(noiseKey) || !applicant.identityKey.equals(identityKey)) {
      throw new LinkingError('qr', 'The QR code names other keys than the client that shows it.')
    }
    return this.#succeed(applicant, account, advSecret, defer<Linked>())
  }

  /** The name a client gave when it connected, for finding the phone that a QR code is meant for. */
  nameBehind(qr: string): string | undefined {
    const applicant = this.#byRef.get(parseQr(qr).ref)
    if (!applicant) throw new LinkingError('qr', 'No client is showing this QR code (any more).')
    return applicant.name
  }

  /** The code is typed on the phone. Rejects when it is not the one that the client shows. */
  async enterCode(account: Account, code: string): Promise<Linked> {
    const { applicant, request } = await this.#codeRequest(account.phone)
    const wrapped = request.wrappedCompanionKey
    const companionKey = await unwrapWithCode(code, wrapped)
    const ephemeral = newPair()
    const linked = defer<Linked>()
    request.primary = { account, ephemeral, companionKey, linked }
    const content = el('link_code_companion_reg', { stage: 'primary_hello' }, [
      el('link_code_pairing_ref', {}, request.ref),
      el('link_code_pairing_wrapped_primary_ephemeral_pub', {}, await wrapWithCode(code, ephemeral.public)),
      el('primary_identity_pub', {}, account.identity.key.public),
    ])
    applicant.connection.send(this.#world.notification('link_code_companion_reg', SERVER, [content]))
    return linked.promise
  }

  /** The first half of linking by code: the client names its number and shows a key wrapped with the code. */
  requestCode(connection: Connection, iq: BinaryNode): BinaryNode[] {
    const applicant = this.#applicants.get(connection)
    const registration = child(iq, 'link_code_companion_reg')
    const phone = parseJid(registration?.attrs.jid)?.user
    if (!applicant || !phone) return []
    const ref = randomBytes(16)
    const wrappedCompanionKey = bytesOf(child(registration, 'link_code_pairing_wrapped_companion_ephemeral_pub'))
    applicant.code = { phone, ref, wrappedCompanionKey }
    this.#requests.emit('code')
    return [el('link_code_companion_reg', { stage: 'companion_hello' }, [el('link_code_pairing_ref', {}, ref)])]
  }

  /** The second half: the client sends its bundle, which opens only if both used the same code. */
  finishCode(connection: Connection, iq: BinaryNode): void {
    const applicant = this.#applicants.get(connection)
    const primary = applicant?.code?.primary
    if (!applicant || !primary) return
    const registration = child(iq, 'link_code_companion_reg')
    const companionIdentity = bytesOf(child(registration, 'companion_identity_public'))
    const bundle = bytesOf(child(registration, 'link_code_pairing_wrapped_key_bundle'))
    try {
      const secret = openKeyBundle(primary, bundle, companionIdentity)
      void this.#succeed(applicant, primary.account, secret, primary.linked)
    } catch {
      primary.linked.reject(new LinkingError('code', 'The code is wrong.'))
      connection.end()
    }
  }

  /** The client's answer to pair-success: checks its signature and makes it a companion. */
  finish(connection: Connection, iq: BinaryNode): void {
    const applicant = this.#applicants.get(connection)
    const success = applicant?.success
    if (!applicant || !success || success.iqId !== iq.attrs.id) return
    const { account, half, linked } = success
    const answer = bytesOf(child(child(iq, 'pair-device-sign'), 'device-identity'))
    const signedIdentity = completeDevice(account, half, applicant.identityKey, answer)
    if (!signedIdentity) {
      linked.reject(new LinkingError('client', 'The companion did not sign its identity.'))
      connection.end()
      return
    }
    const device: Device = {
      phone: account.phone,
      device: success.device,
      keyIndex: success.keyIndex,
      noiseKey: applicant.noiseKey,
      identityKey: applicant.identityKey,
      registrationId: applicant.registrationId,
      signedPreKey: applicant.signedPreKey,
      signedIdentity,
      platform: 'web',
      linkedAt: Date.now(),
      isSettled: false,
    }
    // Committed before the restart is asked for: some clients are back within milliseconds.
    this.#world.post.commit(() => {
      this.#world.devices.add(device)
      this.#world.announceDevice(account, 'add', device)
    })
    this.#forget(applicant)
    linked.resolve({ phone: account.phone, lid: account.lid, device: device.device })
    connection.end(el('stream:error', { code: '515' }))
  }

  refuse(connection: Connection): void {
    const applicant = this.#applicants.get(connection)
    applicant?.success?.linked.reject(new LinkingError('client', 'The client refused the link.'))
    connection.end()
  }

  closed(connection: Connection): void {
    const applicant = this.#applicants.get(connection)
    if (!applicant) return
    this.#forget(applicant)
    const gone = new LinkingError('client', 'The client went away before it was linked.')
    applicant.success?.linked.reject(gone)
    applicant.code?.primary?.linked.reject(gone)
  }

  /** The client that asked for a code of this number. Its request may still be on the way when the code is typed. */
  async #codeRequest(phone: string): Promise<{ applicant: Applicant; request: CodeRequest }> {
    const patience = AbortSignal.timeout(Math.min(this.#world.options.patienceMs, CODE_PATIENCE_MS))
    for (;;) {
      const applicant = [...this.#applicants.values()].find(({ code }) => code?.phone === phone)
      if (applicant?.code) return { applicant, request: applicant.code }
      try {
        await once(this.#requests, 'code', { signal: patience })
      } catch {
        throw new LinkingError('code', `No client is waiting for a code of ${phone}.`)
      }
    }
  }

  #succeed(applicant: Applicant, account: Account, advSecret: Buffer, linked: Deferred<Linked>): Promise<Linked> {
    const { accounts } = this.#world
    const device = accounts.takeNumber(account.phone, 'next_device')
    const keyIndex = device
    const half = signDevice(account, applicant.identityKey, keyIndex)
    const iqId = this.#world.newId()
    applicant.success = { account, device, keyIndex, half, iqId, linked }
    const { lidMigrated } = this.#world.options
    const props = proto.ClientPairingProps.encode({ isChatDbLidMigrated: true, isSyncdPureLidSession: true }).finish()
    const content = [
      el('device-identity', {}, sealDevice(account, half, advSecret)),
      el('biz', { name: account.name ?? account.phone }),
      el('device', { jid: toJid(account, 'pn', device), lid: toJid(account, 'lid', device) }),
      el('platform', { name: 'android' }),
      ...(lidMigrated ? [el('client-props', {}, props)] : []),
    ]
    const attrs = { from: SERVER, type: 'set', id: iqId, t: Math.floor(Date.now() / 1000) }
    applicant.connection.send(el('iq', attrs, [el('pair-success', {}, content)]))
    return linked.promise
  }

  #forget(applicant: Applicant): void {
    this.#applicants.delete(applicant.connection)
    for (const ref of applicant.refs) this.#byRef.delete(ref)
  }
}

/** Reads the text of a QR code, bare or as a link. Split from the right: what comes before the keys is the ref. */
export function parseQr(qr: string): { ref: string; noiseKey: Buffer; identityKey: Buffer; advSecret: Buffer } {
  const fields = qr
    .trim()
    .slice(qr.trim().indexOf('#') + 1)
    .split(',')
  if (fields.length < 4) throw new LinkingError('qr', 'This is not the text of a WhatsApp QR code.')
  const keysFrom = fields.length >= 5 ? fields.length - 4 : 1
  const [noiseKey, identityKey, advSecret] = fields.slice(keysFrom, keysFrom + 3).map((f) => Buffer.from(f, 'base64'))
  if (noiseKey?.length !== 32 || identityKey?.length !== 32 || advSecret?.length !== 32) {
    throw new LinkingError('qr', 'The QR code does not hold three keys.')
  }
  return { ref: fields.slice(0, keysFrom).join(','), noiseKey, identityKey, advSecret }
}

async function codeKey(code: string, salt: Buffer): Promise<Buffer> {
  return pbkdf2(Buffer.from(code.replace(/[\s-]/g, '').toUpperCase()), salt, 131_072, 32, 'sha256')
}

async function wrapWithCode(code: string, key: Buffer): Promise<Buffer> {
  const salt = randomBytes(32)
  const iv = randomBytes(16)
  const cipher = createCipheriv('aes-256-ctr', await codeKey(code, salt), iv)
  return Buffer.concat([salt, iv, cipher.update(key), cipher.final()])
}

async function unwrapWithCode(code: string, wrapped: Buffer): Promise<Buffer> {
  const [salt, iv, sealed] = [wrapped.subarray(0, 32), wrapped.subarray(32, 48), wrapped.subarray(48)]
  const cipher = createDecipheriv('aes-256-ctr', await codeKey(code, salt), iv)
  return Buffer.concat([cipher.update(sealed), cipher.final()])
}

/** Opens the companion's key bundle and derives the secret that seals its identity. Throws when the codes differ. */
function openKeyBundle(
  primary: NonNullable<CodeRequest['primary']>,
  bundle: Buffer,
  companionIdentity: Buffer,
): Buffer {
  const { account, ephemeral, companionKey } = primary
  const [salt, iv, sealed] = [bundle.subarray(0, 32), bundle.subarray(32, 44), bundle.subarray(44)]
  const shared = Curve.sharedKey(ephemeral.private, companionKey)
  const key = hkdfSync('sha256', shared, salt, 'link_code_pairing_key_bundle_encryption_key', 32)
  const cipher = createDecipheriv('aes-256-gcm', Buffer.from(key), iv)
  cipher.setAuthTag(sealed.subarray(-16))
  const plain = Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()])
  const identity = account.identity.key
  if (!timingSafeEqual(plain.subarray(0, 32), companionIdentity) || !plain.subarray(32, 64).equals(identity.public)) {
    throw new LinkingError('client', 'the key bundle names other identities')
  }
  const identityShared = Curve.sharedKey(identity.private, companionIdentity)
  const secret = Buffer.concat([shared, identityShared, plain.subarray(64, 96)])
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), 'adv_secret', 32))
}
