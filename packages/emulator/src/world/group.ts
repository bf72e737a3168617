import type { Group } from '../api.ts'
import { applyToMembers } from '../stanzas/groups.ts'
import type { GroupInfo } from './groups.ts'
import { toJid } from './jids.ts'
import type { World } from './world.ts'

/** The group that the public `Group` describes. */
export class VirtualGroup implements Group {
  readonly #world: World
  readonly id: string

  constructor(world: World, id: string) {
    this.#world = world
    this.id = id
  }

  get subject(): string {
    return this.#info.subject
  }

  get members(): string[] {
    return [...this.#world.groups.members(this.id).keys()]
  }

  adds(...phones: string[]): void {
    this.#change(phones, 'add')
  }

  removes(...phones: string[]): void {
    this.#change(phones, 'remove')
  }

  #change(phones: string[], action: 'add' | 'remove'): void {
    const { accounts, post } = this.#world
    const jids = phones.map((phone) => toJid(accounts.require(phone), 'pn'))
    post.commit(() => applyToMembers(this.#world, this.#info, this.#info.creator, jids, action))
  }

  get #info(): GroupInfo {
    const info = this.#world.groups.get(this.id)
    if (!info) throw new Error(`There is no group ${this.id}.`)
    return info
  }
}
