import type { Media } from '../api-media.ts'
import type { World } from '../world/world.ts'
import type { MediaKind } from './cipher.ts'
import type { MediaFault } from './faults.ts'
import type { MediaFile, PlacedMedia } from './library.ts'

/** The hosts that the public `Media` describes. */
export class MediaHosts implements Media {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  get files(): MediaFile[] {
    return this.#world.media.files()
  }

  put(plain: Uint8Array, kind: MediaKind): PlacedMedia {
    return this.#world.post.commit(() => this.#world.media.put(plain, kind))
  }

  forgets(path?: string, status: 403 | 404 | 410 = 410): void {
    const wanted = path?.split('?')[0]
    const files = this.files.filter((file) => wanted === undefined || file.path === wanted)
    if (files.length === 0) throw new Error(`The server has no file ${path ?? ''}.`)
    this.#world.post.commit(() => {
      for (const file of files) this.#world.media.shelf.setGone(file.path, status)
    })
  }

  fails(fault: MediaFault): void {
    this.#world.media.faults.add(fault)
  }

  recovers(): void {
    this.#world.media.faults.clear()
  }
}
