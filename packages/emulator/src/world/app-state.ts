import { type BinaryNode, proto } from '@whiskeysockets/baileys'
import { el, SERVER } from '../stream/nodes.ts'
import { mutationKeys, patchMac, type SyncKey, snapshotMac, syncKeyId, turnOf } from '../syncd/keys.ts'
import {
  openMutation,
  readMutation,
  type SealedMutation,
  type SyncAction,
  sealMutation,
  toProto,
  valueMacOf,
} from '../syncd/mutations.ts'
import type { Account } from './accounts.ts'
import { namesItself, speaks } from './chat-actions.ts'
import { COLLECTIONS, type Collection, Collections } from './collections.ts'
import { Waiters, type WaitOptions } from './waiting.ts'
import type { World } from './world.ts'

/** A fact that the phone and its companions share, and where. */
export interface StateAction extends SyncAction {
  readonly collection: Collection
}

/** What a phone changes: a fact comes, replaces an older one of the same index, or goes. */
export interface StateChange extends StateAction {
  readonly operation?: 'set' | 'remove'
}

interface KeyRow {
  id: Buffer
  data: Buffer
  madeAt: number
}

/**
 * The phones' side of app state: they hold the keys, so they write patches of their own and check those of their
 * companions, which the server could not. What a companion changes is on its phone at once.
 */
export class AppState {
  readonly collections: Collections
  readonly #world: World
  readonly #waiters: Waiters<() => void>

  constructor(world: World) {
    this.#world = world
    this.collections = new Collections(world.store)
    this.#waiters = new Waiters(world.options.patienceMs)
  }

  /** What a phone has to say before its first companion comes, and again when its owner has another name by now. */
  begin({ name, phone }: Account): void {
    const known = this.actions(phone)
    const wanted = [namesItself(name ?? phone), speaks('en_US')]
    const changes = wanted.filter((change) => !known.some((action) => isSame(action, change)))
    if (changes.length > 0) this.change(phone, changes)
  }

  /** The keys that the phone shares, oldest first: clients write with the last one. */
  keys(phone: string): SyncKey[] {
    const sql = 'SELECT id, data, made_at AS madeAt FROM app_state_keys WHERE phone = ? ORDER BY turn'
    const rows = this.#world.store.all<KeyRow>(sql, phone)
    if (rows.length > 0) return rows
    const { id, data } = this.#world.accounts.require(phone).identity.appStateKey
    return [this.#keep(phone, { id, data, madeAt: this.#world.clock.now() })]
  }

  /** The message that hands keys to a companion. Keys that the phone does not have are named without content. */
  share(phone: string, wanted?: readonly Uint8Array[]): proto.IMessage {
    const known = this.keys(phone)
    const deviceIndexes = [0, ...this.#world.devices.of(phone).map(({ keyIndex }) => keyIndex)]
    const { rawId } = this.#world.accounts.require(phone).identity
    const fingerprint = { rawId, currentIndex: Math.max(...deviceIndexes), deviceIndexes }
    const ids = wanted ?? known.map(({ id }) => id)
    const keys = ids.map((id) => {
      const key = known.find((candidate) => candidate.id.equals(id))
      if (!key) return { keyId: { keyId: id } }
      return { keyId: { keyId: key.id }, keyData: { keyData: key.data, fingerprint, timestamp: key.madeAt } }
    })
    const type = proto.Message.ProtocolMessage.Type.APP_STATE_SYNC_KEY_SHARE
    return { protocolMessage: { type, appStateSyncKeyShare: { keys } } }
  }

  /** A new key, as phones make one when a companion has left: what is written from now on, it cannot read. */
  async rotate(phone: string): Promise<void> {
    const { clock, random } = this.#world
    const turn = Math.max(...this.keys(phone).map(({ id }) => turnOf(id))) + 1
    this.#keep(phone, { id: syncKeyId(turn), data: random.bytes(32, `app-state/${phone}`), madeAt: clock.now() })
    for (const { device } of this.#world.devices.of(phone)) {
      await this.#world.handset(phone).tellCompanion(device, () => [this.share(phone)])
    }
  }

  /** What is true now. Records that no key of the phone opens are left out. */
  actions(phone: string): StateAction[] {
    return COLLECTIONS.flatMap((collection) =>
      this.collections.records(phone, collection).flatMap((record) => {
        try {
          return [{ ...this.#open(phone, record), collection }]
        } catch {
          return [] // a companion wrote nonsense: complained about when it came
        }
      }),
    )
  }

  /** The phone changes its mind: a patch for each collection, and the companions are told to fetch it. */
  change(phone: string, changes: readonly StateChange[]): void {
    this.#world.post.commit(() => {
      for (const collection of COLLECTIONS) {
        const own = changes.filter((change) => change.collection === collection)
        if (own.length > 0) this.#write(phone, collection, own)
      }
    })
    this.#ring()
  }

  /** The server takes a companion's patch; the phone looks at it. */
  accept(phone: string, device: number, collection: Collection, patch: proto.ISyncdPatch): number {
    const mutations = (patch.mutations ?? []).flatMap((mutation) => readMutation(mutation) ?? [])
    const version = this.collections.head(phone, collection).version + 1
    const problems = this.#problemsOf(phone, collection, patch, mutations, version)
    this.#world.post.commit(() => {
      this.collections.append(phone, collection, patch, mutations)
      this.#tell(phone, collection, version, device)
      if (problems.length === 0) this.#obey(phone, mutations)
    })
    for (const problem of problems) {
      this.#world.unknown.complain(`patch ${version} of ${collection} by ${phone}:${device}: ${problem}`)
    }
    this.#ring()
    return version
  }

  /** Resolves when a fact is true that matches. */
  async learns(
    phone: string,
    matches: (action: StateAction) => boolean,
    options: WaitOptions = {},
  ): Promise<StateAction> {
    const look = () => this.actions(phone).find(matches)
    const found = look()
    if (found) return found
    return this.#waiters.wait<StateAction>(
      (resolve) => () => {
        const action = look()
        if (action) resolve(action)
      },
      () => {
        const known = this.actions(phone).map(({ index }) => index.join(' '))
        return `${phone} was waiting for a change of its state and knows: ${known.join(', ') || 'nothing'}`
      },
      options,
    )
  }

  #ring(): void {
    for (const look of this.#waiters.now()) look()
  }

  #write(phone: string, collection: Collection, changes: readonly StateChange[]): void {
    const key = this.keys(phone).at(-1)
    if (!key) throw new Error(`${phone} has no key for its state.`)
    const keys = mutationKeys(key.data)
    const timestamp = this.#world.clock.now()
    const mutations = changes.map(({ operation = 'set', ...action }) => {
      const iv = this.#world.random.bytes(16, `app-state/${phone}`)
      return sealMutation(key, { ...action, value: { timestamp, ...action.value } }, operation, iv)
    })
    const version = this.collections.head(phone, collection).version + 1
    const snapshot = snapshotMac(keys, this.collections.hashAfter(phone, collection, mutations), version, collection)
    const macs = mutations.map(({ blob }) => valueMacOf(blob))
    const patch = {
      mutations: mutations.map(toProto),
      snapshotMac: snapshot,
      patchMac: patchMac(keys, snapshot, macs, version, collection),
      keyId: { id: key.id },
      deviceIndex: 0,
    }
    this.collections.append(phone, collection, patch, mutations)
    this.#tell(phone, collection, version)
    this.#obey(phone, mutations)
  }

  #tell(phone: string, name: Collection, version: number, except?: number): void {
    const changed: BinaryNode = el('collection', { name, version })
    const note = this.#world.notification('server_sync', SERVER, [changed])
    for (const { device, isSettled } of this.#world.devices.of(phone)) {
      // One that has no keys yet reads everything once it gets them.
      if (isSettled && device !== except) this.#world.post.queue(phone, device, note)
    }
  }

  /** Inside a commit: what a fact changes beyond the state itself. */
  #obey(phone: string, mutations: readonly SealedMutation[]): void {
    for (const mutation of mutations) {
      const name = mutation.operation === 'set' && this.#open(phone, mutation).value.pushNameSetting?.name
      if (name) this.#world.accounts.update(phone, { name })
    }
  }

  /** What the phone finds wrong with a patch: nothing, if its author knows the keys and the collection. */
  #problemsOf(
    phone: string,
    collection: Collection,
    patch: proto.ISyncdPatch,
    mutations: readonly SealedMutation[],
    version: number,
  ): string[] {
    const key = this.#keyNamed(phone, patch.keyId?.id)
    if (!key) return ['it is written with a key that the phone does not have']
    const keys = mutationKeys(key.data)
    const problems: string[] = []
    const snapshot = snapshotMac(keys, this.collections.hashAfter(phone, collection, mutations), version, collection)
    if (!snapshot.equals(patch.snapshotMac ?? Buffer.alloc(0))) problems.push('the MAC of the whole is wrong')
    const macs = mutations.map(({ blob }) => valueMacOf(blob))
    const mac = patchMac(keys, patch.snapshotMac ?? Buffer.alloc(0), macs, version, collection)
    if (!mac.equals(patch.patchMac ?? Buffer.alloc(0))) problems.push('the MAC of the patch is wrong')
    for (const mutation of mutations) {
      try {
        this.#open(phone, mutation)
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error))
      }
    }
    return problems
  }

  #open(phone: string, mutation: SealedMutation): SyncAction {
    const key = this.#keyNamed(phone, mutation.keyId)
    if (!key) throw new Error('a value is written with a key that the phone does not have')
    return openMutation(key, mutation)
  }

  #keyNamed(phone: string, id: Uint8Array | null | undefined): SyncKey | undefined {
    return id ? this.keys(phone).find((key) => key.id.equals(id)) : undefined
  }

  #keep(phone: string, key: SyncKey): SyncKey {
    const sql = 'INSERT INTO app_state_keys (phone, turn, id, data, made_at) VALUES (?, ?, ?, ?, ?)'
    this.#world.store.run(sql, phone, turnOf(key.id), key.id, key.data, key.madeAt)
    return key
  }
}

/** Whether two actions say the same of the same; when they were written does not matter. */
function isSame(a: SyncAction, b: SyncAction): boolean {
  const words = ({ value }: SyncAction) =>
    Buffer.from(proto.SyncActionValue.encode({ ...value, timestamp: 0 }).finish())
  return a.index.join('\n') === b.index.join('\n') && words(a).equals(words(b))
}
