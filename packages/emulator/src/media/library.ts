import { createHmac } from 'node:crypto'
import type { Store } from '../state/database.ts'
import type { Random } from '../state/random.ts'
import type { Clock } from '../world/clock.ts'
import { type MediaKind, openMedia, sealMedia, sha256 } from './cipher.ts'
import { MediaFaults } from './faults.ts'
import { AUTH_MS, KEPT_MS, LINK_MS, Signer } from './links.ts'
import { type Blob, Shelf } from './shelf.ts'

/** Where a file was put. */
export interface Placed {
  /** On a media host, signed, such as `/v/t62.7118-24/123_456_n.enc?…`. */
  readonly directPath: string
  /** The same with the host at which this network is reached. */
  readonly url: string
}

/** Where an encrypted file was put, and all that a message has to say about it. */
export interface PlacedMedia extends Placed {
  readonly mediaKey: Buffer
  readonly fileSha256: Buffer
  readonly fileEncSha256: Buffer
  readonly fileLength: number
  /** Seconds. */
  readonly mediaKeyTimestamp: number
}

/** What a message says about its file: the fields that Baileys' types have in common. */
export interface MediaReference {
  readonly directPath?: string | null
  readonly url?: string | null
  readonly mediaKey?: Uint8Array | null
  readonly fileSha256?: Uint8Array | null
  readonly fileEncSha256?: Uint8Array | null
}

/** A file that the server knows, for tests that look at them. */
export interface MediaFile {
  /** The path without its signature, which tells links apart. */
  readonly path: string
  /** `image`, `video`, `audio`, `document`, `picture`, `md-msg-hist`, … : the type it was uploaded as. */
  readonly type: string
  /** Bytes at the server, so with the padding and the HMAC of what is encrypted. */
  readonly size: number
  /** SHA-256 of those bytes, base64url without padding. */
  readonly hash: string
  /** Milliseconds, of the network's clock. */
  readonly at: number
  /** What fetching it is answered with now. */
  readonly status: number
}

/** A file cannot be had; `status` is what a client would have been answered. */
export class MediaGone extends Error {
  readonly status: number

  constructor(path: string, status: number) {
    super(`${path} cannot be fetched: ${status}.`)
    this.status = status
  }
}

/** The folders of WhatsApp's media hosts, as links that clients have got show them. */
const FOLDERS: Record<string, string> = {
  image: 't62.7118-24',
  video: 't62.7161-24',
  audio: 't62.7117-24',
  ptt: 't62.7117-24',
  sticker: 't62.15575-24',
  picture: 't61.24694-24',
}
const OTHER_FOLDER = 't62.7119-24'

/** Pieces are this long when they are put by the emulator itself. */
const PIECE = 1 << 18

export type Finding = { readonly status: 200; readonly blob: Blob; readonly type: string } | { readonly status: number }

/** The files of the media hosts. Its methods are synchronous: they can be part of the commit that sends a message. */
export class MediaLibrary {
  readonly shelf: Shelf
  readonly signer: Signer
  readonly faults = new MediaFaults()
  /** The host name and port of links that the emulator's own people send. Set when the network listens. */
  host = '127.0.0.1'
  readonly #clock: Clock
  readonly #random: Random

  constructor(store: Store, secret: Uint8Array, clock: Clock, random: Random) {
    this.shelf = new Shelf(store)
    this.signer = new Signer(createHmac('sha256', secret).update('media').digest())
    this.#clock = clock
    this.#random = random
  }

  /** Encrypts a file and puts it on the server, as the phone or the contact who sends it would. */
  put(plain: Uint8Array, kind: MediaKind): PlacedMedia {
    const { body, ...facts } = sealMedia(plain, kind, this.#random.bytes(32, 'media-key'))
    return { ...this.keep(body, kind), ...facts, mediaKeyTimestamp: this.#clock.seconds() }
  }

  /** Puts bytes on the server as they are: a profile picture (type `picture`), or what is encrypted already. */
  keep(bytes: Buffer, type: string): Placed {
    const hash = sha256(bytes).toString('base64url')
    let blob = this.shelf.find(hash)?.id
    if (blob === undefined) {
      blob = this.shelf.begin(hash)
      for (let start = 0; start < bytes.length; start += PIECE) {
        this.shelf.append(blob, bytes.subarray(start, start + PIECE))
      }
      this.shelf.finish(blob, hash)
    }
    return this.link(blob, type)
  }

  /** One more link to a file, as after an upload. */
  link(blob: number, type: string): Placed {
    const numbers = this.#random.bytes(12, 'media-path')
    const name = `${numbers.readUIntBE(0, 6)}_${numbers.readUIntBE(6, 6)}_n.${type === 'picture' ? 'jpg' : 'enc'}`
    const path = `/v/${FOLDERS[type] ?? OTHER_FOLDER}/${name}`
    const now = this.#clock.now()
    this.shelf.link(path, blob, type, now)
    const directPath = this.signer.directPath(path, now + LINK_MS)
    return { directPath, url: this.urlOf(directPath) }
  }

  urlOf(directPath: string, host = this.host): string {
    return `https://${host}${directPath}&mms3=true`
  }

  /** Looks a link up as the server does. 404: never heard of; 410: no longer kept; 403: not signed by us, or not for now. */
  find(path: string, query: URLSearchParams): Finding {
    const link = this.shelf.linkAt(path)
    const blob = link && this.shelf.blob(link.blob)
    if (!link || !blob) return { status: 404 }
    const status = this.#statusOf(link)
    if (status !== 200) return { status }
    if (this.signer.check(path, query, this.#clock.now()) !== 'good') return { status: 403 }
    return { status: 200, blob, type: link.type }
  }

  /**
   * Fetches and decrypts a file as whoever got it in a message does.
   *
   * @throws MediaGone when the server does not give it out (any more).
   * @throws Error when hashes, HMAC or padding are wrong, or the message says too little.
   */
  open(reference: MediaReference, kind: MediaKind): Buffer {
    const place = reference.directPath || reference.url
    if (!place || !reference.mediaKey) throw new Error(`A message with this ${kind} has no path or no key.`)
    const { pathname, searchParams } = new URL(place, `https://${this.host}`)
    const found = this.find(pathname, searchParams)
    if (!('blob' in found)) throw new MediaGone(pathname, found.status)
    const body = Buffer.concat([...this.shelf.read(found.blob.id)])
    check(body, reference.fileEncSha256, `the encrypted ${kind}`)
    const plain = openMedia(body, kind, reference.mediaKey)
    check(plain, reference.fileSha256, `the ${kind}`)
    return plain
  }

  /** A new link to the file of a message, for those whose link is too old. Undefined when it is lost altogether. */
  placeAgain(reference: MediaReference, type: string): Placed | undefined {
    const hash = Buffer.from(reference.fileEncSha256 ?? []).toString('base64url')
    const blob = this.shelf.find(hash)
    return blob && this.link(blob.id, type)
  }

  /** What `media_conn` gives an account to upload with. */
  authFor(phone: string): string {
    return this.signer.auth(phone, this.#clock.now() + AUTH_MS)
  }

  uploader(auth: string): string | undefined {
    return this.signer.uploader(auth, this.#clock.now())
  }

  files(): MediaFile[] {
    return this.shelf.links().map((link) => {
      const { path, type, size, hash, at } = link
      const status = this.#statusOf(link)
      const isExpired = status === 200 && this.#clock.now() >= at + LINK_MS
      return { path, type, size, hash, at, status: isExpired ? 403 : status }
    })
  }

  #statusOf({ at, gone }: { at: number; gone: number }): number {
    if (gone !== 0) return gone
    return this.#clock.now() >= at + KEPT_MS ? 410 : 200
  }
}

function check(bytes: Buffer, expected: Uint8Array | null | undefined, what: string): void {
  if (expected && !sha256(bytes).equals(expected))
    throw new Error(`The SHA-256 of ${what} is not what the message says.`)
}
