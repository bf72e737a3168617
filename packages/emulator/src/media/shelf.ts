import type { Store } from '../state/database.ts'

/** A file at the media server: what clients uploaded is ciphertext, a profile picture lies there as it is. */
export interface Blob {
  readonly id: number
  /** SHA-256 of all its bytes, base64url without padding. */
  readonly hash: string
  readonly size: number
}

/** A name under which a file can be fetched. The same file has a new one after each upload. */
export interface Link {
  /** Without query. */
  readonly path: string
  readonly blob: number
  /** As in the path it was uploaded to: `image`, `document`, `md-msg-hist`, … */
  readonly type: string
  /** Milliseconds, of the network's clock. */
  readonly at: number
  /** What fetching it is answered with since the server was told to forget it: 403, 404 or 410; 0: it is there. */
  readonly gone: number
}

/**
 * The rows of files. Bytes lie in pieces: neither an upload nor a download has to be in memory as a whole, and an
 * upload that broke off is there to be resumed, even after a restart.
 */
export class Shelf {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** Makes room for an upload; it is a partial one until `finish`. */
  begin(hash: string): number {
    return this.#store.run('INSERT INTO media_blobs (hash, size, complete) VALUES (?, 0, 0)', hash).rowId
  }

  append(blob: number, bytes: Buffer): void {
    this.#store.transaction(() => {
      this.#store.run(
        'INSERT INTO media_parts (blob, start, bytes) SELECT id, size, ? FROM media_blobs WHERE id = ?',
        bytes,
        blob,
      )
      this.#store.run('UPDATE media_blobs SET size = size + ? WHERE id = ?', bytes.length, blob)
    })
  }

  /** The upload is whole: earlier attempts at it, and copies, are of no use any more. Returns the one to link to. */
  finish(blob: number, hash: string): number {
    return this.#store.transaction(() => {
      const same = this.find(hash)
      if (same) {
        this.drop(blob)
        return same.id
      }
      this.#store.run('UPDATE media_blobs SET complete = 1 WHERE id = ?', blob)
      const partial = this.#store.all<{ id: number }>(
        'SELECT id FROM media_blobs WHERE hash = ? AND complete = 0',
        hash,
      )
      for (const { id } of partial) this.drop(id)
      return blob
    })
  }

  drop(blob: number): void {
    this.#store.transaction(() => {
      this.#store.run('DELETE FROM media_parts WHERE blob = ?', blob)
      this.#store.run('DELETE FROM media_blobs WHERE id = ?', blob)
    })
  }

  /** The whole file with this hash. */
  find(hash: string): Blob | undefined {
    return this.#store.first('SELECT id, hash, size FROM media_blobs WHERE hash = ? AND complete = 1', hash)
  }

  /** The upload that got furthest of those that broke off. */
  partial(hash: string): Blob | undefined {
    const sql = 'SELECT id, hash, size FROM media_blobs WHERE hash = ? AND complete = 0 ORDER BY size DESC LIMIT 1'
    return this.#store.first(sql, hash)
  }

  blob(id: number): Blob | undefined {
    return this.#store.first('SELECT id, hash, size FROM media_blobs WHERE id = ?', id)
  }

  /** Bytes from `start` up to, not including, `end`, piece by piece. Ends early when the file is dropped meanwhile. */
  *read(blob: number, start = 0, end = Number.MAX_SAFE_INTEGER): Generator<Buffer> {
    const sql = 'SELECT start, bytes FROM media_parts WHERE blob = ? AND start <= ? ORDER BY start DESC LIMIT 1'
    for (let place = start; place < end; ) {
      const part = this.#store.first<{ start: number; bytes: Buffer }>(sql, blob, place)
      const bytes = part?.bytes.subarray(place - part.start, end - part.start)
      if (!bytes || bytes.length === 0) return
      yield bytes
      place += bytes.length
    }
  }

  link(path: string, blob: number, type: string, at: number): void {
    this.#store.run('INSERT INTO media_links (path, blob, type, at) VALUES (?, ?, ?, ?)', path, blob, type, at)
  }

  linkAt(path: string): Link | undefined {
    return this.#store.first('SELECT path, blob, type, at, gone FROM media_links WHERE path = ?', path)
  }

  /** All links, oldest first, with what they lead to. */
  links(): (Link & { hash: string; size: number })[] {
    return this.#store.all(
      `SELECT l.path, l.blob, l.type, l.at, l.gone, b.hash, b.size
       FROM media_links l JOIN media_blobs b ON b.id = l.blob ORDER BY l.at, l.path`,
    )
  }

  /** From now on this status is the answer. */
  setGone(path: string, status: number): void {
    this.#store.run('UPDATE media_links SET gone = ? WHERE path = ?', status, path)
  }

  /** The same for all links to a file. */
  forget(blob: number, status: number): void {
    this.#store.run('UPDATE media_links SET gone = ? WHERE blob = ?', status, blob)
  }
}
