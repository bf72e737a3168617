import { EventEmitter, once } from 'node:events'
import { type BinaryNode, proto } from '@whiskeysockets/baileys'
import { completeDevice, type HalfSigned, sealDevice, signDevice } from '../signal/adv.ts'
import type { Connection } from '../stream/connection.ts'
import { bytesOf, child, el, SERVER } from '../stream/nodes.ts'
import type { Account } from './accounts.ts'
import { type Deferred, defer } from './deferred.ts'
import type { Device } from './devices.ts'
import { parseJid, toJid } from './jids.ts'
import { type Linked, LinkingError } from './linking-error.ts'
import { openKeyBundle, type Primary, unwrapWithCode, wrapWithCode } from './pairing-code.ts'
import { parseQr } from './qr-code.ts'
import type { World } from './world.ts'

/** A code is asked for a few milliseconds before anybody can type it. */
const CODE_PATIENCE_MS = 2000

/** A client that wants to become a companion: its keys, and what it is waiting for. */
interface Applicant {
  readonly connection: Connection
  readonly noiseKey: Buffer
  readonly identityKey: Buffer
  readonly registrationId: number
  readonly signedPreKey: Device['signedPreKey']
  readonly name: string | undefined
  /** An encoded `DeviceProps`. */
  readonly props: Uint8Array | undefined
  readonly refs: readonly string[]
  readonly since: number
  code?: CodeRequest
  success?: Success
}

interface CodeRequest {
  readonly phone: string
  readonly ref: Buffer
  readonly wrappedCompanionKey: Buffer
  primary?: Primary & { readonly linked: Deferred<Linked> }
}

interface Success {
  readonly account: Account
  readonly device: number
  readonly keyIndex: number
  readonly half: HalfSigned
  readonly iqId: string
  readonly linked: Deferred<Linked>
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
      props: data.deviceProps ?? undefined,
      refs: Array.from({ length: 6 }, () => `2@${this.#world.random.bytes(48, 'ref').toString('base64')}`),
      since: this.#world.clock.now(),
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
    if (this.#world.clock.now() - applicant.since >= this.#world.options.qrRefTtlMs)
      throw new LinkingError('qr', 'The QR code has expired.')
    if (!applicant.noiseKey.equals(noiseKey) || !applicant.identityKey.equals(identityKey)) {
      throw new LinkingError('qr', 'The QR code names other keys than the client that shows it.')
    }
    const linked = defer<Linked>()
    this.#succeed(applicant, account, advSecret, linked)
    return linked.promise
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
    const ephemeral = this.#world.random.pair(`code/${account.phone}`)
    const linked = defer<Linked>()
    request.primary = { account, ephemeral, companionKey, linked }
    const content = el('link_code_companion_reg', { stage: 'primary_hello' }, [
      el('link_code_pairing_ref', {}, request.ref),
      el(
        'link_code_pairing_wrapped_primary_ephemeral_pub',
        {},
        await wrapWithCode(code, ephemeral.public, this.#world.random),
      ),
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
    const ref = this.#world.random.bytes(16, 'code-ref')
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
    let secret: Buffer
    try {
      secret = openKeyBundle(primary, bundle, companionIdentity)
    } catch {
      // GCM does not say more, and what else can be wrong with a bundle comes from a wrong code.
      primary.linked.reject(new LinkingError('code', 'The code is wrong.'))
      connection.end()
      return
    }
    this.#succeed(applicant, primary.account, secret, primary.linked)
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
      linkedAt: this.#world.clock.now(),
      isSettled: false,
    }
    // Committed before the restart is asked for: some clients are back within milliseconds.
    this.#world.post.commit(() => {
      this.#world.devices.add(device)
      if (applicant.props) this.#world.devices.setProps(account.phone, device.device, applicant.props)
      this.#world.announceDevice(account, 'add', device)
      this.#world.events.tell({ type: 'linked', phone: account.phone, device: device.device })
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

  #succeed(applicant: Applicant, account: Account, advSecret: Buffer, linked: Deferred<Linked>): void {
    const { accounts } = this.#world
    const device = accounts.takeNumber(account.phone, 'next_device')
    const keyIndex = device
    const half = signDevice(account, applicant.identityKey, keyIndex, this.#world.clock.seconds())
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
    const attrs = { from: SERVER, type: 'set', id: iqId, t: this.#world.clock.seconds() }
    applicant.connection.send(el('iq', attrs, [el('pair-success', {}, content)]))
  }

  #forget(applicant: Applicant): void {
    this.#applicants.delete(applicant.connection)
    for (const ref of applicant.refs) this.#byRef.delete(ref)
  }
}
