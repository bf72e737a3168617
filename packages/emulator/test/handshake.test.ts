import { Curve, proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { flawed } from '../src/faults/certificates.ts'
import { Handshake, INTRO } from '../src/noise/handshake.ts'
import { SymmetricState } from '../src/noise/symmetric-state.ts'
import { Store } from '../src/state/database.ts'
import { Random } from '../src/state/random.ts'
import { loadServerKeys, newPair, type RawKeyPair } from '../src/state/server-keys.ts'
import { FrameReader, toFrame } from '../src/stream/frames.ts'

const store = new Store(undefined)
const keys = loadServerKeys(store, new Random())
const PAYLOAD = Buffer.from('who I am')

/** A client that remembers the static key of a server, as some do after their first login. */
function resume(client: RawKeyPair, serverKey: Buffer) {
  const ephemeral = newPair()
  const state = new SymmetricState('Noise_IK_25519_AESGCM_SHA256\0\0\0\0')
  state.mixHash(INTRO)
  state.mixHash(serverKey)
  state.mixHash(ephemeral.public)
  state.mixKey(Curve.sharedKey(ephemeral.private, serverKey))
  const sealed = state.encrypt(client.public)
  state.mixKey(Curve.sharedKey(client.private, serverKey))
  const clientHello = { ephemeral: ephemeral.public, static: sealed, payload: state.encrypt(PAYLOAD) }
  return { ephemeral, state, hello: proto.HandshakeMessage.encode({ clientHello }).finish() }
}

test('a client that knows the server resumes in one round trip', () => {
  const client = newPair()
  const { ephemeral, state, hello } = resume(client, keys.noise.public)
  const { reply, opened } = new Handshake(keys).hello(hello)
  expect(opened).toMatchObject({ clientKey: client.public, payload: PAYLOAD })
  const { serverHello } = proto.HandshakeMessage.decode(reply)
  expect(serverHello?.static).toBeFalsy()
  const serverEphemeral = Buffer.from(serverHello?.ephemeral ?? [])
  state.mixHash(serverEphemeral)
  state.mixKey(Curve.sharedKey(ephemeral.private, serverEphemeral))
  state.mixKey(Curve.sharedKey(client.private, serverEphemeral))
  expect(state.decrypt(serverHello?.payload ?? Buffer.alloc(0))).toEqual(keys.chain)
})

test('a client that remembers another server falls back to the full handshake', () => {
  const client = newPair()
  const { ephemeral, hello } = resume(client, newPair().public)
  const handshake = new Handshake(keys)
  const { reply, opened } = handshake.hello(hello)
  expect(opened).toBeUndefined()
  const { serverHello } = proto.HandshakeMessage.decode(reply)
  const serverEphemeral = Buffer.from(serverHello?.ephemeral ?? [])
  const state = new SymmetricState('Noise_XXfallback_25519_AESGCM_SHA256')
  state.mixHash(INTRO)
  state.mixHash(ephemeral.public)
  state.mixHash(serverEphemeral)
  state.mixKey(Curve.sharedKey(ephemeral.private, serverEphemeral))
  const serverKey = state.decrypt(serverHello?.static ?? Buffer.alloc(0))
  expect(serverKey).toEqual(keys.noise.public)
  state.mixKey(Curve.sharedKey(ephemeral.private, serverKey))
  expect(state.decrypt(serverHello?.payload ?? Buffer.alloc(0))).toEqual(keys.chain)
  const sealed = state.encrypt(client.public)
  state.mixKey(Curve.sharedKey(client.private, serverEphemeral))
  const clientFinish = { static: sealed, payload: state.encrypt(PAYLOAD) }
  const finished = handshake.finish(proto.HandshakeMessage.encode({ clientFinish }).finish())
  expect(finished).toMatchObject({ clientKey: client.public, payload: PAYLOAD })
})

test('a client that would resume is led to the certificates when there is something wrong with them', () => {
  const { hello } = resume(newPair(), keys.noise.public)
  const { reply, opened } = new Handshake(flawed(keys, 'root')).hello(hello)
  expect(opened).toBeUndefined()
  expect(proto.HandshakeMessage.decode(reply).serverHello?.static).toHaveLength(48)
})

test('a finish that was sealed for somebody else is refused', () => {
  const handshake = new Handshake(keys)
  handshake.hello(proto.HandshakeMessage.encode({ clientHello: { ephemeral: newPair().public } }).finish())
  const clientFinish = { static: Buffer.alloc(48), payload: Buffer.alloc(32) }
  expect(() => handshake.finish(proto.HandshakeMessage.encode({ clientFinish }).finish())).toThrow()
})

test('frames are put together from any pieces, after either intro', () => {
  const routing = Buffer.concat([Buffer.from([0x45, 0x44, 0, 1, 0, 0, 3]), Buffer.from('fra')])
  for (const intro of [INTRO, Buffer.concat([routing, INTRO])]) {
    const stream = Buffer.concat([
      intro,
      toFrame(Buffer.from('one')),
      toFrame(Buffer.alloc(0)),
      toFrame(Buffer.from('two')),
    ])
    const reader = new FrameReader()
    const frames = [...stream].flatMap((byte) => reader.push(Buffer.from([byte])))
    expect(frames.map(String)).toEqual(['one', '', 'two'])
    expect(new FrameReader().push(stream).map(String)).toEqual(['one', '', 'two'])
  }
  expect(() => new FrameReader().push(Buffer.from('GET / HTTP/1.1'))).toThrow('WA 6.3')
})
