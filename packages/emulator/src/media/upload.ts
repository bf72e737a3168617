import { createHash } from 'node:crypto'
import { type Exchange, refuse, reply } from './exchange.ts'

export interface UploadTarget {
  /** `image`, `video`, … */
  readonly type: string
  /** SHA-256 of what is uploaded, base64url without padding; empty when the path does not name one. */
  readonly hash: string
  readonly token: string
}

/** What has come is written down when it is this much, so that a large file is never in memory. */
const PIECE = 1 << 18

/**
 * Takes a file. Clients send ciphertext under its own SHA-256, which is checked. Those with large files ask first, with
 * `resume=1`, how much of it is here, and go on from there with `file_offset` (learnt from whatsapp-rust).
 */
export async function takeUpload(exchange: Exchange, target: UploadTarget): Promise<void> {
  const { world, request, url } = exchange
  const problem = objection(exchange, target)
  if (problem) return refuse(exchange, problem.status, problem.why)
  const { shelf } = world.media
  if (url.searchParams.get('resume') === '1') {
    request.resume()
    return reply(exchange, 200, progress(exchange, target))
  }
  const offset = Number(url.searchParams.get('file_offset') ?? 0)
  const partial = offset === 0 ? undefined : shelf.partial(target.hash)
  if (offset !== (partial?.size ?? 0)) return refuse(exchange, 409, `there are ${partial?.size ?? 0} bytes of it`)
  const blob = partial?.id ?? shelf.begin(target.hash)
  const outcome = await receive(exchange, blob)
  if (outcome === 'broken off') return
  if (outcome === 'too large') {
    shelf.drop(blob)
    return refuse(exchange, 413, 'it is too large')
  }
  if (outcome !== target.hash) {
    shelf.drop(blob)
    return refuse(exchange, 400, 'its SHA-256 is another one')
  }
  const answer = placed(exchange, shelf.finish(blob, target.hash), target.type)
  await world.store.turn.kept()
  reply(exchange, 200, answer)
}

/** A client is through with a file that was only for it, such as its history. */
export function removeUpload(exchange: Exchange, target: UploadTarget): void {
  const { shelf } = exchange.world.media
  const problem = objection(exchange, target)
  const blob = shelf.find(target.hash)
  if (problem) refuse(exchange, problem.status, problem.why)
  else if (!blob) refuse(exchange, 404, 'there is no such file')
  else {
    shelf.forget(blob.id, 410)
    exchange.request.resume()
    reply(exchange, 200, {})
  }
}

function objection(
  { world, request, url }: Exchange,
  target: UploadTarget,
): { status: number; why: string } | undefined {
  const auth = url.searchParams.get('auth') ?? ''
  if (world.media.uploader(auth) === undefined) return { status: 401, why: 'auth is not from media_conn, or too old' }
  if (target.hash === '') return { status: 400, why: 'the path does not end with a SHA-256' }
  if (target.token !== target.hash) return { status: 400, why: 'token is not the SHA-256 in the path' }
  if (Number(request.headers['content-length'] ?? 0) > world.options.maxMediaBytes) {
    return { status: 413, why: `more than ${world.options.maxMediaBytes} bytes` }
  }
  return undefined
}

function progress(exchange: Exchange, { hash, type }: UploadTarget): object {
  const { shelf } = exchange.world.media
  const whole = shelf.find(hash)
  if (whole) return { resume: 'complete', ...placed(exchange, whole.id, type) }
  return { resume: String(shelf.partial(hash)?.size ?? 0) }
}

/** The link names the host that the client uploaded to: that one it can reach. */
function placed({ world, request }: Exchange, blob: number, type: string): object {
  const { directPath } = world.media.link(blob, type)
  return { url: world.media.urlOf(directPath, request.headers.host), direct_path: directPath }
}

/** Writes down what comes. Resolves with the hash of all that is there then; what has come stays when it breaks off. */
async function receive(
  { world, request, fault }: Exchange,
  blob: number,
): Promise<string | 'broken off' | 'too large'> {
  const { shelf } = world.media
  const hash = createHash('sha256')
  let size = 0
  for (const piece of shelf.read(blob)) {
    hash.update(piece)
    size += piece.length
  }
  let waiting: Buffer[] = []
  const write = () => {
    const piece = Buffer.concat(waiting)
    waiting = []
    if (piece.length > 0) shelf.append(blob, piece)
  }
  const [start, cutAfter] = [size, fault.cutAfter ?? Number.POSITIVE_INFINITY]
  try {
    // Chunks of a request without encoding are Buffers.
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > world.options.maxMediaBytes) return 'too large'
      const isCut = size - start > cutAfter
      const kept = isCut ? chunk.subarray(0, chunk.length - (size - start - cutAfter)) : chunk
      hash.update(kept)
      waiting.push(kept)
      if (isCut || waiting.reduce((sum, { length }) => sum + length, 0) >= PIECE) write()
      if (isCut) {
        request.destroy()
        return 'broken off'
      }
    }
  } catch {
    if (!world.isClosed) write()
    return 'broken off' // the other side knows why
  }
  write()
  return hash.digest('base64url')
}
