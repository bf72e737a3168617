import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Exchange, refuse } from './exchange.ts'

/** Bytes from `start` up to, not including, `end`. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** Gives a file out: whole or a range of it, or only what is known about it. */
export async function download(exchange: Exchange): Promise<void> {
  const { world, request, response, url, fault } = exchange
  const isHead = request.method === 'HEAD'
  if (request.method !== 'GET' && !isHead) return refuse(exchange, 405, 'files are downloaded here')
  const found = world.media.find(url.pathname, url.searchParams)
  if (!('blob' in found)) return refuse(exchange, found.status, REASONS[found.status] ?? 'it cannot be had')
  request.resume()
  const { blob, type } = found
  const range = readRange(request.headers.range, blob.size)
  const headers = {
    'content-type': type === 'picture' ? 'image/jpeg' : 'application/octet-stream',
    'accept-ranges': 'bytes',
    'cache-control': 'private, max-age=1209600',
    etag: `"${blob.hash}"`,
  }
  if (range === 'unsatisfiable') {
    response.writeHead(416, { ...headers, 'content-range': `bytes */${blob.size}` }).end()
    return
  }
  const { start, end } = range ?? { start: 0, end: blob.size }
  const shown = Math.min(end, start + (fault.truncateTo ?? end))
  const partial = range && { 'content-range': `bytes ${start}-${end - 1}/${blob.size}` }
  response.writeHead(range ? 206 : 200, { ...headers, ...partial, 'content-length': shown - start })
  if (isHead) {
    response.end()
    return
  }
  const cut = start + (fault.cutAfter ?? Number.POSITIVE_INFINITY)
  const isCut = cut < shown
  const pieces = world.media.shelf.read(blob.id, start, Math.min(cut, shown))
  const source = Readable.from(fault.corrupt ? damaged(pieces) : pieces, { highWaterMark: 2 })
  response.flushHeaders()
  // Whoever goes away in the middle has their reasons.
  await pipeline(source, response, { end: !isCut }).catch(() => undefined)
  if (isCut) response.socket?.end()
}

const REASONS: Record<number, string> = {
  403: 'URL signature mismatch or expired',
  404: 'not found',
  410: 'no longer kept',
}

/** RFC 9110, 14.2, for one range of bytes. Undefined, which means the whole file, for everything else. */
export function readRange(header: string | undefined, size: number): Range | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (first === '') return Number(last) === 0 ? 'unsatisfiable' : { start: Math.max(0, size - Number(last)), end: size }
  const [start, end] = [Number(first), last === '' ? size : Math.min(size, Number(last) + 1)]
  if (last !== '' && Number(last) < start) return undefined
  return start < size ? { start, end } : 'unsatisfiable'
}

function* damaged(pieces: Generator<Buffer>): Generator<Buffer> {
  let isFirst = true
  for (const piece of pieces) {
    if (isFirst) piece[0] = (piece[0] ?? 0) ^ 1
    isFirst = false
    yield piece
  }
}
