import type { BinaryNode } from '@whiskeysockets/baileys'
import { textFor } from '../faults/goodbyes.ts'
import type { KeyFault } from '../faults/keys.ts'
import { bigEndian, bytesOf, child, children, el, numberOf } from '../stream/nodes.ts'
import type { Bundle } from '../world/bundles.ts'
import type { Device } from '../world/devices.ts'
import { parseJid } from '../world/jids.ts'
import { KEY_TYPE, keyNodes, signedKeyNode } from '../world/key-nodes.ts'
import type { World } from '../world/world.ts'
import { IqError, type Subject } from './registry.ts'

/** The stock of public keys: count, upload, digest, rotation, and handing out bundles. */
export function keys(world: World): Subject {
  return {
    iqs: {
      'encrypt get count': ({ phone, device }) => {
        const value = world.options.pretendPreKeys || world.bundles.count(phone, device)
        return [el('count', { value })]
      },
      'encrypt set registration': ({ phone, device }, iq) => {
        const skey = signedKeyIn(world, phone, device, child(iq, 'skey'))
        const uploaded = children(child(iq, 'list'), 'key').map((key) => ({
          id: numberOf(child(key, 'id')),
          value: bytesOf(child(key, 'value')),
        }))
        world.store.transaction(() => {
          world.devices.setSignedPreKey(phone, device, skey, numberOf(child(iq, 'registration')))
          world.bundles.upload(phone, device, uploaded)
        })
        return []
      },
      'encrypt set rotate': ({ phone, device }, iq) => {
        world.devices.setSignedPreKey(
          phone,
          device,
          signedKeyIn(world, phone, device, child(child(iq, 'rotate'), 'skey')),
        )
        return []
      },
      'encrypt get digest': ({ phone, device }) => {
        const digest = world.bundles.digest(phone, device)
        const registered = world.devices.get(phone, device)
        if (!digest || !registered) throw new IqError(404, 'item-not-found')
        return [
          el('digest', {}, [
            el('registration', {}, bigEndian(registered.registrationId, 4)),
            el('type', {}, KEY_TYPE),
            el('identity', {}, registered.identityKey),
            signedKeyNode(registered.signedPreKey),
            el(
              'list',
              {},
              digest.ids.map((id) => el('id', {}, bigEndian(id, 3))),
            ),
            el('hash', {}, digest.hash),
          ]),
        ]
      },
      'encrypt get key': (_login, iq) => {
        const users = children(child(iq, 'key'), 'user').map((user) => bundleNode(world, user.attrs.jid ?? ''))
        return [el('list', {}, users)]
      },
    },
  }
}

/** The jid is echoed as it was asked for: the client stores the session under it. */
function bundleNode(world: World, jid: string): BinaryNode {
  const account = world.accounts.byJid(jid)
  const device = parseJid(jid)?.device ?? 0
  const fault = account && world.faults.takeKeyFault(account.phone, device)
  if (fault?.kind === 'refuse')
    return el('user', { jid }, [el('error', { code: fault.code, text: textFor(fault.code) })])
  const bundle = account && spoiled(world, world.takeBundle(account.phone, device), fault)
  if (!bundle) return el('user', { jid }, [el('error', { code: 404, text: 'item-not-found' })])
  const { registrationId, signedIdentity } = bundle
  const proof = signedIdentity ? [el('device-identity', {}, signedIdentity)] : []
  const content = [el('registration', {}, bigEndian(registrationId, 4)), ...keyNodes(bundle), ...proof]
  return el('user', { jid, t: world.clock.seconds() }, content)
}

/** With what a fault does to it. A one-time key that is kept back is lost to the device. */
function spoiled(world: World, bundle: Bundle | undefined, fault: KeyFault | undefined): Bundle | undefined {
  if (!bundle || !fault) return bundle
  if (fault.kind === 'withoutOneTimeKey') return { ...bundle, oneTimeKey: undefined }
  return { ...bundle, signedPreKey: { ...bundle.signedPreKey, signature: world.random.bytes(64, 'forged') } }
}

/** Clients do not check this signature; somebody has to. */
function signedKeyIn(
  world: World,
  phone: string,
  device: number,
  skey: BinaryNode | undefined,
): Device['signedPreKey'] {
  const key = {
    id: numberOf(child(skey, 'id')),
    value: bytesOf(child(skey, 'value')),
    signature: bytesOf(child(skey, 'signature')),
  }
  const registered = world.devices.get(phone, device)
  const isUnchanged =
    registered?.signedPreKey.signature.equals(key.signature) && registered.signedPreKey.value.equals(key.value)
  if (registered && !isUnchanged && !world.isValidPreKey(registered.identityKey, key.value, key.signature)) {
    throw new IqError(406, 'the signed pre-key is not signed by the identity key')
  }
  return key
}
