import type { MediaKind } from './media/cipher.ts'
import type { MediaFault } from './media/faults.ts'
import type { MediaFile, PlacedMedia } from './media/library.ts'

/** The media hosts of a network: what clients call `mmg.whatsapp.net`. */
export interface Media {
  /** All files that were uploaded or sent, each link once, oldest first. */
  readonly files: MediaFile[]
  /** Encrypts a file and puts it on the server: what it returns goes into a message. */
  put(plain: Uint8Array, kind: MediaKind): PlacedMedia
  /**
   * The server no longer has a file, or all of them: fetching is answered with this status, 410 by default. Phones that
   * sent or got it can still bring it back. `path` may be a `directPath` too.
   *
   * @throws Error when no file is there.
   */
  forgets(path?: string, status?: 403 | 404 | 410): void
  /** What shall go wrong with uploads and downloads from now on. Several can be asked for. */
  fails(fault: MediaFault): void
  /** Nothing goes wrong any more. */
  recovers(): void
}
