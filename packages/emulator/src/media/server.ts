import type { IncomingMessage, ServerResponse } from 'node:http'
import type { World } from '../world/world.ts'
import { download } from './download.ts'
import { type Exchange, refuse } from './exchange.ts'
import type { Transfer } from './faults.ts'
import { removeUpload, takeUpload, type UploadTarget } from './upload.ts'

/** Where clients upload to. Baileys and whatsmeow: `/mms/<type>/<hash>`; business and newsletter files have their own. */
const UPLOAD_PATH = /^\/(?:wa-msgr\/mms|mms|product|pps|newsletter)\/([a-z-]+)\/([^/]+)$/
const DOWNLOAD_PATH = /^\/v\//

/** The media hosts: what clients call `mmg.whatsapp.net`, and the hosts of `media_conn`. Here it is the network's port. */
export class MediaServer {
  readonly #world: World
  readonly #running = new Set<Promise<void>>()

  constructor(world: World) {
    this.#world = world
  }

  /** Whether a request is for the media hosts. Anything else on the port is not about files. */
  isFor(request: IncomingMessage): boolean {
    const [path = ''] = (request.url ?? '').split('?')
    return UPLOAD_PATH.test(path) || DOWNLOAD_PATH.test(path)
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const running = this.#exchange(request, response).catch((error: unknown) => {
      response.destroy()
      if (!this.#world.isClosed) this.#world.warn(`a transfer of media failed: ${String(error)}`)
    })
    this.#running.add(running)
    void running.then(() => this.#running.delete(running))
  }

  /** Resolves when nothing is transferred any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#running)
  }

  async #exchange(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const world = this.#world
    if (!world.faults.isNetworkUp || world.isClosed) {
      request.destroy()
      return
    }
    const url = new URL(request.url ?? '/', 'https://media')
    const [, type = '', name = ''] = UPLOAD_PATH.exec(url.pathname) ?? []
    const isUpload = name !== ''
    const fault = world.media.faults.take({ ...transferOf(request, isUpload), type: type || typeAt(world, url) })
    const exchange = { world, request, response, url, fault }
    if (fault.delayMs !== undefined) await pause(exchange, fault.delayMs)
    if (response.destroyed) return
    if (fault.status !== undefined) return refuse(exchange, fault.status, 'a fault was asked for')
    if (!isUpload) return download(exchange)
    const target: UploadTarget = { type, hash: toHash(name), token: toHash(url.searchParams.get('token') ?? '') }
    if (request.method === 'POST' || request.method === 'PUT') return takeUpload(exchange, target)
    if (request.method === 'DELETE') return removeUpload(exchange, target)
    return refuse(exchange, 405, 'files are uploaded here')
  }
}

function transferOf(request: IncomingMessage, isUpload: boolean): Omit<Transfer, 'type'> {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '')
  return { on: isUpload ? 'upload' : 'download', host }
}

function typeAt(world: World, url: URL): string {
  return world.media.shelf.linkAt(url.pathname)?.type ?? ''
}

/** SHA-256 as clients write it: base64url, with padding or without. Empty when it is anything else. */
function toHash(name: string): string {
  return /^([\w-]{43})(?:=|%3D)?$/i.exec(name)?.[1] ?? ''
}

/** Ends early when the other side does not wait. */
function pause({ world, request, response }: Exchange, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const alarm = world.clock.after(ms, resolve)
    response.once('close', () => {
      alarm.cancel()
      resolve()
    })
    request.once('error', () => undefined) // 'close' follows
  })
}
