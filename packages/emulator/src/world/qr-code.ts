import { LinkingError } from './linking-error.ts'

/** Reads the text of a QR code, bare or as a link. Split from the right: what comes before the keys is the ref. */
export function parseQr(qr: string): { ref: string; noiseKey: Buffer; identityKey: Buffer; advSecret: Buffer } {
  const fields = qr
    .trim()
    .slice(qr.trim().indexOf('#') + 1)
    .split(',')
  if (fields.length < 4) throw new LinkingError('qr', 'This is not the text of a WhatsApp QR code.')
  const keysFrom = fields.length >= 5 ? fields.length - 4 : 1
  const [noiseKey, identityKey, advSecret] = fields.slice(keysFrom, keysFrom + 3).map((f) => Buffer.from(f, 'base64'))
  if (noiseKey?.length !== 32 || identityKey?.length !== 32 || advSecret?.length !== 32) {
    throw new LinkingError('qr', 'The QR code does not hold three keys.')
  }
  return { ref: fields.slice(0, keysFrom).join(','), noiseKey, identityKey, advSecret }
}
