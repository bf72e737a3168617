import { MISSING_KEYS_ERROR_TEXT } from '@whiskeysockets/baileys'
import { describe, expect, test } from 'vitest'
import * as journal from '../../src/stores/sql/journal.ts'
import { rows, type Store } from '../../src/stores/store.ts'
import { patchLibsignal } from '../../src/whatsapp/ratchet.ts'
import { bundleOf, coreParty, newCreds, padded, preKeysOf, stockParty, textOf, watchedStore } from './parties.ts'

patchLibsignal()

const PN = '4922222222@s.whatsapp.net'
const LID = '12345678@lid'
const OWN = '4911111111:5@s.whatsapp.net'
type Core = ReturnType<typeof coreParty>
type Cipher = { type: 'pkmsg' | 'msg'; ciphertext: Uint8Array }

/** Chance that can be repeated. */
function chance(seed: number) {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return state / 2 ** 32
  }
}

/** Says what to keep of a ciphertext, as the connection does, and decrypts it. */
function decrypt(core: Core, { type, ciphertext }: Cipher, { jid = PN, offline = false } = {}): Promise<Uint8Array> {
  const note = (event: 'logged_out', cause: string) => () =>
    journal.append('s', event, null, 1, { cause, timestamp: 1 })
  core.signal.expect(ciphertext, {
    author: PN,
    isFromMe: false,
    mayBeKnown: offline,
    record: ({ conversation }) => note('logged_out', `read ${conversation}`),
    recordAsItCame: () => note('logged_out', 'as it came'),
    recordUndecryptable: () => note('logged_out', 'undecryptable'),
    willAskAgain: async () => {},
  })
  return core.repository.decryptMessage({ jid, type, ciphertext })
}
const recorded = async (store: Store) =>
  (await store.read(() => journal.after('s', 0, 9_999))).map(({ data }) => 'cause' in data && data.cause)
/** Everything that is kept, to be compared. */
const everything = (store: Store) =>
  store.read(function* () {
    return {
      keys: yield* rows('SELECT type, id, value FROM keys ORDER BY type, id'),
      plaintexts: yield* rows('SELECT hash FROM plaintexts ORDER BY hash'),
      events: yield* rows('SELECT seq, data FROM events ORDER BY seq'),
    }
  })

/** Core and a stranger with plain Baileys, who has written first. */
async function acquainted() {
  const watched = await watchedStore()
  const creds = newCreds()
  const core = coreParty(watched.store, creds)
  const [preKey] = await preKeysOf(core, 3)
  if (!preKey) throw new Error('no pre-key was made')
  const peer = await stockParty()
  await peer.repository.injectE2ESession({ jid: OWN, session: bundleOf(creds, preKey) })
  const says = (text: string): Promise<Cipher> => peer.repository.encryptMessage({ jid: OWN, data: padded(text) })
  const hears = async ({ type, ciphertext }: Cipher) =>
    textOf(await peer.repository.decryptMessage({ jid: OWN, type, ciphertext }))
  const writes = (text: string, jid = PN): Promise<Cipher> =>
    core.repository.encryptMessage({ jid, data: padded(text) })
  return { watched, store: watched.store, creds, core, peer, says, hears, writes }
}

test('one commit holds the moved ratchet, the used pre-key, the plaintext and what was recorded of it', async () => {
  const { watched, store, core, says } = await acquainted()
  const first = await says('Hallo')
  expect(first.type).toBe('pkmsg')
  const before = { writes: watched.writes(), commits: core.commits() }
  expect(textOf(await decrypt(core, first))).toBe('Hallo')
  expect({ writes: watched.writes(), commits: core.commits() }).toEqual({
    writes: before.writes + 1,
    commits: before.commits + 1,
  })
  const { keys, plaintexts } = await everything(store)
  const ids = keys.map(({ type, id }) => `${type}/${id}`)
  expect(ids).toContain('session/4922222222.0')
  expect(ids).toContain('identity-key/4922222222.0')
  expect(ids).not.toContain('pre-key/1')
  expect(ids).toContain('pre-key/2')
  expect(plaintexts).toHaveLength(1)
  expect(await recorded(store)).toEqual(['read Hallo'])
})

test('of somebody who uses a key again, after a backup, a resend is asked for: Baileys takes it for a repetition', async () => {
  const { store, core, peer, says } = await acquainted()
  const restore = peer.backup()
  await decrypt(core, await says('Hallo'))
  restore()
  const other = await says('Noch da?')
  expect(other.type).toBe('pkmsg')
  const error = await decrypt(core, other).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(Error)
  // By these words Baileys decides to ask nobody.
  expect((error as Error).message).not.toBe(MISSING_KEYS_ERROR_TEXT)
  expect(await recorded(store)).toEqual(['read Hallo', 'undecryptable'])
})

test('what is encrypted in one turn is one commit, on the disk before anybody has the bytes', async () => {
  const { watched, core, says, writes, hears } = await acquainted()
  await decrypt(core, await says('Hallo'))
  const before = watched.writes()
  const sent = await Promise.all(Array.from({ length: 10 }, (_, index) => writes(`${index}`)))
  expect(watched.writes()).toBe(before + 1)
  for (const [index, cipher] of sent.entries()) expect(await hears(cipher)).toBe(`${index}`)
})

test('one of a turn that cannot be encrypted fails alone', async () => {
  const { core, says, writes, hears } = await acquainted()
  await decrypt(core, await says('Hallo'))
  const [a, stranger, b] = await Promise.allSettled([
    writes('a'),
    writes('x', '4933333333@s.whatsapp.net'),
    writes('b'),
  ])
  expect(stranger).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('No sessions') } })
  if (a?.status !== 'fulfilled' || b?.status !== 'fulfilled') throw new Error('the others failed too')
  expect([await hears(a.value), await hears(b.value)]).toEqual(['a', 'b'])
  expect(core.failures).toEqual([])
})

describe('a ciphertext that is delivered again', () => {
  for (const offline of [true, false]) {
    test(`is answered from the journal, ${offline ? 'known as one kept for us' : 'without a mark'}`, async () => {
      const { store, creds, core, says } = await acquainted()
      const first = await says('Hallo')
      await decrypt(core, first)
      await decrypt(core, await says('again'))
      const before = await everything(store)
      // After a crash it is another process, and other bytes in memory.
      const next = coreParty(store, creds)
      const copy = { ...first, ciphertext: Buffer.from(first.ciphertext) }
      expect(textOf(await decrypt(next, copy, { offline }))).toBe('Hallo')
      expect(await everything(store)).toEqual(before)
      expect(await recorded(store)).toEqual(['read Hallo', 'read again'])
    })
  }
  test('is not known to be another sender’s', async () => {
    const { core, says } = await acquainted()
    const first = await says('Hallo')
    await decrypt(core, first)
    const forged = Buffer.from(first.ciphertext)
    core.signal.expect(forged, {
      author: '4933333333@s.whatsapp.net',
      isFromMe: false,
      mayBeKnown: true,
      record: () => undefined,
      recordAsItCame: () => () => journal.append('s', 'logged_out', null, 1, { cause: 'forged', timestamp: 1 }),
      recordUndecryptable: () => () => journal.append('s', 'logged_out', null, 1, { cause: 'forged', timestamp: 1 }),
      willAskAgain: async () => {},
    })
    const again = core.repository.decryptMessage({
      jid: '4933333333@s.whatsapp.net',
      type: 'pkmsg',
      ciphertext: forged,
    })
    await expect(again).rejects.toThrow()
  })
})

test('what cannot be decrypted is recorded before the error is said, and the ratchet stays', async () => {
  const { store, core, says, hears, writes } = await acquainted()
  await decrypt(core, await says('Hallo'))
  await hears(await writes('Hallo yourself'))
  const broken = await says('broken')
  expect(broken.type).toBe('msg')
  const bytes = Buffer.from(broken.ciphertext)
  // The last byte is one of the MAC.
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  const { keys } = await everything(store)
  await expect(decrypt(core, { ...broken, ciphertext: bytes })).rejects.toThrow()
  expect(await recorded(store)).toEqual(['read Hallo', 'undecryptable'])
  expect((await everything(store)).keys).toEqual(keys)
  expect(textOf(await decrypt(core, await says('after')))).toBe('after')
  expect(core.failures).toEqual([])
})

test('when it becomes known that phone and hidden id are one, the session moves in the commit that says so', async () => {
  const { watched, store, core, says, hears, writes } = await acquainted()
  await decrypt(core, await says('Hallo'))
  const before = watched.writes()
  await core.repository.lidMapping.storeLIDPNMappings([{ lid: LID, pn: PN }])
  expect(watched.writes()).toBe(before + 1)
  const ids = (await everything(store)).keys.map(({ type, id }) => `${type}/${id}`)
  expect(ids).toContain('session/12345678_1.0')
  expect(ids).not.toContain('session/4922222222.0')
  expect(ids).toContain('lid-mapping/4922222222')
  expect(await store.read(() => rows('SELECT phone, lid FROM contacts'))).toEqual([
    { phone: '4922222222', lid: '12345678' },
  ])
  expect(textOf(await decrypt(core, await says('by lid'), { jid: LID }))).toBe('by lid')
  expect(await hears(await writes('by phone'))).toBe('by phone')
})

test('2,000 mixed encrypts and decrypts of one contact under both names, on a store that is slow at random', async () => {
  const { watched, store, core, says, hears, writes } = await acquainted()
  await decrypt(core, await says('Hallo'))
  await core.repository.lidMapping.storeLIDPNMappings([{ lid: LID, pn: PN }])
  const random = chance(7)
  watched.before = () => {
    const ms = Math.floor(random() * 6)
    return ms === 0 ? undefined : new Promise((resolve) => setTimeout(resolve, ms))
  }
  const read: string[] = []
  const heard: string[] = []
  const expectedRead: string[] = []
  const expectedHeard: string[] = []
  for (let operation = 0; operation < 2_000; ) {
    // A burst of both at once; the contact answers, so that the ratchet turns.
    const decrypts: Promise<unknown>[] = []
    const encrypts: Promise<Cipher>[] = []
    for (let turn = 0; turn < 100; turn++, operation++) {
      const name = `${operation}`
      if (random() < 0.125) {
        expectedRead.push(name)
        const cipher = await says(name)
        decrypts.push(
          decrypt(core, cipher, { jid: random() < 0.5 ? LID : PN }).then((plain) => read.push(textOf(plain))),
        )
      } else {
        expectedHeard.push(name)
        encrypts.push(writes(name, random() < 0.5 ? LID : PN))
      }
    }
    for (const cipher of await Promise.all(encrypts)) heard.push(await hears(cipher))
    await Promise.all(decrypts)
  }
  expect(read.sort()).toEqual(expectedRead.sort())
  expect(heard.sort()).toEqual(expectedHeard.sort())
  expect((await recorded(store)).length).toBe(expectedRead.length + 1)
  expect(core.failures).toEqual([])
}, 20_000)

describe('a store that fails', () => {
  const down = new Error('the disk is gone')
  /** Runs `work` with the n-th read or write failing, for every n until none fails any more. */
  async function everyCall(
    kind: 'read' | 'write',
    work: (n: number, failAt: (w: { before: unknown }) => void) => Promise<boolean>,
  ) {
    for (let n = 1; n < 50; n++) {
      let calls = 0
      const done = await work(n, (watched) => {
        watched.before = (asked: string) => {
          if (asked === kind && ++calls === n) throw down
        }
      })
      if (done) return n - 1
    }
    throw new Error('it never stopped failing')
  }

  for (const kind of ['read', 'write'] as const) {
    test(`at the n-th ${kind} of a message that comes in: it latches, and nothing is half written`, async () => {
      const failed = await everyCall(kind, async (_, failAt) => {
        const { watched, store, creds, core, says } = await acquainted()
        const cipher = await says('Hallo')
        const before = await everything(store)
        failAt(watched)
        const outcome = await decrypt(core, cipher).then(textOf, (error: unknown) => error)
        watched.before = () => {}
        if (outcome === 'Hallo') return true
        expect(core.failures).toEqual([down])
        expect(core.vault.isOpen).toBe(false)
        expect(core.vault.closedBecause).toBe(down)
        await expect(core.vault.commit({ session: {} })).rejects.toBe(down)
        await expect(core.vault.get('session', ['x'])).rejects.toBe(down)
        expect(await everything(store)).toEqual(before)
        // The next connection, on a store that works again, reads what WhatsApp delivers again.
        const next = coreParty(store, creds)
        const copy = { ...cipher, ciphertext: Buffer.from(cipher.ciphertext) }
        expect(textOf(await decrypt(next, copy, { offline: true }))).toBe('Hallo')
        return false
      })
      expect(failed).toBeGreaterThan(0)
    })

    test(`at the n-th ${kind} of a message that goes out: no bytes leave, and the ratchet stays`, async () => {
      const failed = await everyCall(kind, async (_, failAt) => {
        const { watched, store, creds, core, says, writes, hears } = await acquainted()
        await decrypt(core, await says('Hallo'))
        const before = await everything(store)
        failAt(watched)
        const outcome = await writes('out').catch((error: unknown) => (error instanceof Error ? error : new Error('?')))
        watched.before = () => {}
        if (!(outcome instanceof Error)) {
          expect(await hears(outcome)).toBe('out')
          return true
        }
        expect(core.failures).toEqual([down])
        expect(await everything(store)).toEqual(before)
        const next = coreParty(store, creds)
        expect(await hears(await next.repository.encryptMessage({ jid: PN, data: padded('again') }))).toBe('again')
        return false
      })
      expect(failed).toBeGreaterThan(0)
    })
  }

  test('is said once, however many wait for it', async () => {
    const { watched, core, says } = await acquainted()
    await decrypt(core, await says('Hallo'))
    watched.before = () => {
      throw down
    }
    const results = await Promise.allSettled([
      core.vault.commit({ session: {} }),
      core.vault.get('session', ['a']),
      core.vault.plaintext('h'),
      core.vault.idsFrom('session', 'a'),
    ])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected'])
    expect(core.failures).toEqual([down])
  })
})

test('a connection that has ended writes and reads nothing more, and does not count as a failure', async () => {
  const { store, core, says } = await acquainted()
  const cipher = await says('Hallo')
  const before = await everything(store)
  core.vault.close()
  await expect(decrypt(core, cipher)).rejects.toMatchObject({ code: 'STOPPING' })
  await expect(core.vault.get('session', ['x'])).rejects.toMatchObject({ code: 'STOPPING' })
  expect(await everything(store)).toEqual(before)
  expect(core.failures).toEqual([])
})
