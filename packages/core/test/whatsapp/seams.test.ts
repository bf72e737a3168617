import { type EventEmitter, once } from 'node:events'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import makeWASocket, {
  addTransactionCapability,
  Curve,
  DEFAULT_CONNECTION_CONFIG,
  initAuthCreds,
  type SignalDataSet,
  type SignalKeyStore,
} from '@whiskeysockets/baileys'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { type Closing, hangUpSoon } from '../../src/whatsapp/hang-up.ts'
import type { RawSocket } from '../../src/whatsapp/harden.ts'
import { silentBaileysLogger } from '../../src/whatsapp/silent-logger.ts'

/**
 * What core relies on inside Baileys and libsignal, although neither promises it. When an update moves one of these,
 * the test of that name fails; the comment says what would break.
 */

const retries = { maxCommitRetries: 1, delayBetweenTriesMs: 0 }

function memoryKeys() {
  const sets: SignalDataSet[] = []
  const keys: SignalKeyStore = {
    get: async () => ({}),
    set: async (data) => {
      sets.push(data)
    },
  }
  return { keys, sets }
}

/** A server on loopback that takes connections and says nothing. */
async function silentServer() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  onTestFinished(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  // address() is a string for pipes only.
  const { port } = server.address() as AddressInfo
  return { server, url: `ws://127.0.0.1:${port}/ws/chat` }
}

type Options = Partial<Parameters<typeof makeWASocket>[0]>
function dial(url: string, options: Options = {}) {
  const { keys, sets } = memoryKeys()
  const sock = makeWASocket({
    logger: silentBaileysLogger,
    waWebSocketUrl: url,
    auth: { creds: initAuthCreds(), keys },
    transactionOpts: retries,
    ...options,
  })
  onTestFinished(async () => {
    await sock.end(undefined)
  })
  // As core does: Baileys types its websocket without the socket below it, and without the emitter above.
  const ws = sock.ws as unknown as EventEmitter & Closing & { socket: RawSocket | null }
  return { sock, ws, sets }
}

describe('the websocket', () => {
  // harden.ts takes all of these over. A name that is new may bring an unguarded or unordered listener with it.
  test('has these listeners when makeWASocket returns', async () => {
    const { ws } = dial((await silentServer()).url)
    const names = ws.eventNames().map((name) => `${String(name)} ${ws.listenerCount(name)}`)
    expect(names.sort()).toMatchInlineSnapshot(`
      [
        "CB:ack,class:message 1",
        "CB:call 1",
        "CB:chatstate 1",
        "CB:failure 1",
        "CB:ib,,dirty 3",
        "CB:ib,,downgrade_webclient 1",
        "CB:ib,,edge_routing 1",
        "CB:ib,,offline 1",
        "CB:ib,,offline_preview 1",
        "CB:iq,,pair-success 1",
        "CB:iq,type:set,pair-device 1",
        "CB:message 1",
        "CB:notification 1",
        "CB:presence 1",
        "CB:receipt 1",
        "CB:stream:error 1",
        "CB:success 1",
        "CB:xmlstreamend 1",
        "close 1",
        "error 1",
        "message 1",
        "open 1",
      ]
    `)
  })

  // A lane makes its stanza durable once per listener.
  for (const name of ['CB:message', 'CB:receipt', 'CB:notification', 'CB:call', 'message']) {
    test(`has one listener for ${name}`, async () => {
      const { ws } = dial((await silentServer()).url)
      expect(ws.listenerCount(name)).toBe(1)
    })
  }

  // harden.ts gives every listener back with on(): one that was meant for once would stay.
  test('has no listener that is meant for once', async () => {
    const { ws } = dial((await silentServer()).url)
    for (const name of ws.eventNames()) expect(ws.rawListeners(name), String(name)).toEqual(ws.listeners(name))
  })

  // The gate on what leaves, and the end of a connection at once, are put on this socket before its first byte.
  test('has its socket, still connecting, when makeWASocket returns', async () => {
    const { sock, ws } = dial((await silentServer()).url)
    expect(sock.ws.isConnecting).toBe(true)
    expect(typeof ws.socket?.send).toBe('function')
    expect(typeof ws.socket?.terminate).toBe('function')
  })

  test('on a dead line it ends without the other side, when it is hung up', async () => {
    const { server, url } = await silentServer()
    server.on('connection', (_, request) => request.socket.pause())
    const { sock, ws } = dial(url)
    await once(server, 'connection')
    hangUpSoon(ws, 50)
    const ended = new Promise<void>((told) => {
      sock.ev.on('connection.update', ({ connection }) => connection === 'close' && told())
    })
    await Promise.all([ended, sock.end(new Error('nothing is heard any more'))])
    expect(sock.ws.isOpen).toBe(false)
  })

  test('sends every frame through socket.send, whose callback says that it is written', async () => {
    const { server, url } = await silentServer()
    const { ws } = dial(url)
    const { socket } = ws
    if (!socket) throw new Error('there is no socket')
    const send = socket.send.bind(socket)
    const sent = new Promise<Uint8Array>((resolve) => {
      socket.send = (data, done) => {
        expect(typeof done).toBe('function')
        send(data, done)
        resolve(data)
      }
    })
    const arrived = once(server, 'connection').then(([client]) => once(client, 'message'))
    const frame = await sent
    const [message] = await arrived
    expect(Buffer.from(message).equals(frame)).toBe(true)
    expect(Buffer.from(frame.subarray(0, 2)).toString()).toBe('WA')
  })

  test('dials waWebSocketUrl', async () => {
    const { server, url } = await silentServer()
    const connected = once(server, 'connection')
    dial(`${url}?seam`)
    const [, request] = await connected
    expect(request.url).toContain('/ws/chat?seam')
  })
})

test('end() takes off the close listeners of everybody: nobody may wait for that event', async () => {
  const { sock, ws } = dial((await silentServer()).url)
  ws.on('close', () => {})
  await sock.end(undefined)
  expect(ws.listenerCount('close')).toBe(0)
})

describe('the Signal repository', () => {
  // signal.ts brings its own: ratchets are committed before the frame that used them.
  test('is made by makeSignalRepository, with credentials, transactions and a way to ask for hidden ids', async () => {
    const made: unknown[][] = []
    const creds = initAuthCreds()
    const { sock } = dial((await silentServer()).url, {
      auth: { creds, keys: memoryKeys().keys },
      makeSignalRepository: (...args) => {
        made.push(args)
        return DEFAULT_CONNECTION_CONFIG.makeSignalRepository(...args)
      },
    })
    expect(made).toHaveLength(1)
    const [auth, , pnToLid] = made[0] ?? []
    expect(auth).toMatchObject({ creds, keys: { transaction: expect.any(Function), get: expect.any(Function) } })
    expect(pnToLid).toBeInstanceOf(Function)
    expect(sock.signalRepository).toBeDefined()
  })

  test('has the methods that are wrapped', () => {
    const keys = addTransactionCapability(memoryKeys().keys, silentBaileysLogger, retries)
    const auth = { creds: initAuthCreds(), keys }
    const repository = DEFAULT_CONNECTION_CONFIG.makeSignalRepository(auth, silentBaileysLogger, async () => [])
    onTestFinished(() => repository.close?.())
    expect(Object.keys(repository).sort()).toMatchInlineSnapshot(`
      [
        "close",
        "decryptGroupMessage",
        "decryptMessage",
        "deleteSession",
        "encryptGroupMessage",
        "encryptMessage",
        "getSenderKeyDistributionMessage",
        "getSessionInfo",
        "hasSenderKey",
        "injectE2ESession",
        "jidToSignalProtocolAddress",
        "lidMapping",
        "migrateSession",
        "processSenderKeyDistributionMessage",
        "validateSession",
      ]
    `)
    expect(repository.lidMapping.storeLIDPNMappings).toBeInstanceOf(Function)
    expect(repository.lidMapping.getLIDForPN).toBeInstanceOf(Function)
  })

  // The journal knows a ciphertext by the very bytes that Baileys hands over.
  test('is given the very bytes of the stanza', async () => {
    const { ws, sock } = dial((await silentServer()).url, {
      auth: { creds: { ...initAuthCreds(), me: { id: '4911111111:5@s.whatsapp.net' } }, keys: memoryKeys().keys },
    })
    const content = Buffer.from([0x33, 1, 2, 3])
    const given = new Promise<Uint8Array>((resolve) => {
      sock.signalRepository.decryptMessage = async ({ ciphertext }) => {
        resolve(ciphertext)
        throw new Error('seen')
      }
    })
    ws.emit('CB:message', {
      tag: 'message',
      // By hidden id: of a phone Baileys would ask the server for one first.
      attrs: { id: 'A', from: '12345678@lid', t: '1', type: 'text' },
      content: [{ tag: 'enc', attrs: { v: '2', type: 'msg' }, content }],
    })
    expect(await given).toBe(content)
  })
})

describe('transactions of keys', () => {
  test('commit with one set, of all that was written', async () => {
    const { keys, sets } = memoryKeys()
    const transactions = addTransactionCapability(keys, silentBaileysLogger, retries)
    await transactions.transaction(async () => {
      await transactions.set({ session: { a: new Uint8Array([1]) } })
      await transactions.set({ session: { b: new Uint8Array([2]) }, 'sender-key': { c: new Uint8Array([3]) } })
      expect(sets).toEqual([])
    }, 'one')
    expect(sets).toEqual([
      { session: { a: new Uint8Array([1]), b: new Uint8Array([2]) }, 'sender-key': { c: new Uint8Array([3]) } },
    ])
  })

  // One lock per account only holds because the inner locks of Baileys, by address, join it.
  test('that are nested join the outer one, whatever their own lock is called', async () => {
    const { keys, sets } = memoryKeys()
    const transactions = addTransactionCapability(keys, silentBaileysLogger, retries)
    await transactions.transaction(async () => {
      await transactions.transaction(async () => transactions.set({ session: { a: new Uint8Array([1]) } }), 'another')
      expect(sets).toEqual([])
      await transactions.set({ session: { b: new Uint8Array([2]) } })
    }, 'one')
    expect(sets).toHaveLength(1)
  })

  test('under one lock follow each other', async () => {
    const transactions = addTransactionCapability(memoryKeys().keys, silentBaileysLogger, retries)
    const order: string[] = []
    const work = (name: string) =>
      transactions.transaction(async () => {
        order.push(`${name} begins`)
        await new Promise((resolve) => setImmediate(resolve))
        order.push(`${name} ends`)
      }, 'one')
    await Promise.all([work('a'), work('b')])
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends'])
  })

  test('that throw write nothing', async () => {
    const { keys, sets } = memoryKeys()
    const transactions = addTransactionCapability(keys, silentBaileysLogger, retries)
    const failed = transactions.transaction(async () => {
      await transactions.set({ session: { a: new Uint8Array([1]) } })
      throw new Error('half way')
    }, 'one')
    await expect(failed).rejects.toThrow('half way')
    expect(sets).toEqual([])
  })

  // Works travel to the commit under a type that Baileys does not know.
  test('carry types that Baileys does not know, and values that are no data', async () => {
    const { keys, sets } = memoryKeys()
    const transactions = addTransactionCapability(keys, silentBaileysLogger, retries)
    const work = () => {}
    // Not one of Baileys' types: that is what is tested.
    const foreign = { 'wamux-works': { 0: work } } as unknown as SignalDataSet
    await transactions.transaction(async () => transactions.set(foreign), 'one')
    expect(sets).toEqual([foreign])
    expect((sets[0] as unknown as { 'wamux-works': { 0: unknown } })['wamux-works'][0]).toBe(work)
  })

  test('fail with the error of the store, once, when no retry is allowed', async () => {
    let asked = 0
    const down = new Error('down')
    const keys: SignalKeyStore = {
      get: async () => ({}),
      set: async () => {
        asked++
        throw down
      },
    }
    const transactions = addTransactionCapability(keys, silentBaileysLogger, retries)
    const failed = transactions.transaction(
      async () => transactions.set({ session: { a: new Uint8Array([1]) } }),
      'one',
    )
    await expect(failed).rejects.toBe(down)
    expect(asked).toBe(1)
  })

  // socket-keys.ts replaces `set` to have pre-keys on disk before anybody is told of them.
  test('of the socket use authState.keys.set, also when it is replaced afterwards', async () => {
    const { sock } = dial((await silentServer()).url)
    const seen = new Error('seen')
    const made: string[] = []
    sock.authState.keys.set = async (data) => {
      made.push(...Object.keys(data['pre-key'] ?? {}))
      throw seen
    }
    await expect(sock.uploadPreKeys(2)).rejects.toBe(seen)
    expect(made).toEqual(['1', '2'])
  })
})

describe('Curve', () => {
  // certificates.ts replaces both; certificates.test.ts shows that the handshake asks the replaced ones.
  test('can be replaced, method by method', () => {
    expect(Object.isFrozen(Curve)).toBe(false)
    for (const name of ['verify', 'sharedKey', 'sign', 'generateKeyPair']) {
      expect(Object.getOwnPropertyDescriptor(Curve, name), name).toMatchObject({ writable: true })
    }
  })
})

describe('libsignal', () => {
  const require = createRequire(createRequire(import.meta.url).resolve('@whiskeysockets/baileys'))

  // Two copies would mean that the patch is made on one and messages are read with the other.
  test('is the copy that Baileys uses', async () => {
    const { SessionCipher } = require('libsignal')
    const keys = addTransactionCapability(memoryKeys().keys, silentBaileysLogger, retries)
    const auth = { creds: initAuthCreds(), keys }
    const repository = DEFAULT_CONNECTION_CONFIG.makeSignalRepository(auth, silentBaileysLogger, async () => [])
    onTestFinished(() => repository.close?.())
    const { encrypt } = SessionCipher.prototype
    const seen = new Error('seen')
    SessionCipher.prototype.encrypt = async () => {
      throw seen
    }
    try {
      await expect(repository.encryptMessage({ jid: '4922222222@s.whatsapp.net', data: Buffer.alloc(1) })).rejects.toBe(
        seen,
      )
    } finally {
      SessionCipher.prototype.encrypt = encrypt
    }
  })

  const patched: Record<string, string[]> = {
    SessionCipher: ['decryptWithSessions', 'doDecryptWhisperMessage', 'queueJob'],
    SessionBuilder: ['initIncoming', 'initOutgoing'],
    SessionRecord: ['closeSession', 'openSession', 'removeOldSessions', 'getOpenSession', 'getSessions', 'serialize'],
  }
  for (const [name, methods] of Object.entries(patched)) {
    test(`has ${methods.join(', ')} on the prototype of ${name}`, () => {
      const { prototype } = require('libsignal')[name]
      for (const method of methods) expect(typeof prototype[method], method).toBe('function')
    })
  }

  test('has the version that the patch was made for, and its errors and curve where they were', () => {
    expect(require('libsignal/package.json').version).toBe('6.0.0')
    expect(new (require('libsignal/src/errors.js').SessionError)('x')).toBeInstanceOf(Error)
    expect(typeof require('libsignal/src/curve.js').verifySignature).toBe('function')
  })

  test('marks an open session with -1, and keeps sessions under _sessions', () => {
    const { SessionRecord } = require('libsignal')
    const source: string = require('node:fs').readFileSync(require.resolve('libsignal/src/session_record.js'), 'utf8')
    expect(source).toContain('closed: -1'.replace('closed: ', ''))
    expect(Object.keys(new SessionRecord().serialize()).sort()).toEqual(['_sessions', 'version'])
  })
})

test('Baileys has the version that all this was read in', () => {
  const require = createRequire(import.meta.url)
  expect(require('@whiskeysockets/baileys/package.json').version).toBe('7.0.0-rc14')
})
