import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { type MediaKind, openMedia, sealMedia } from '../src/media/cipher.ts'

/** What is used of it here. Its own declarations name files by aliases that only its build knows. */
interface StrictCrypto {
  encryptBytes(kind: string, key: Uint8Array, plain: Uint8Array): Promise<{ ciphertextHmac: Uint8Array }>
  decryptBytes(
    kind: string,
    key: Uint8Array,
    body: Uint8Array,
    fileSha256: Uint8Array,
    fileEncSha256: Uint8Array,
  ): Promise<{ plaintext: Uint8Array }>
}

// Required, not imported: vitest would take its build for the browser apart.
const { WaMediaCrypto } = createRequire(import.meta.url)('zapo-js/media') as { WaMediaCrypto: StrictCrypto }

const KINDS: MediaKind[] = ['image', 'video', 'audio', 'ptt', 'document', 'sticker', 'gif', 'ptv']

test.each(KINDS)('a strict client opens what is sealed as %s, and the other way round', async (kind) => {
  for (const length of [0, 15, 16, 70_000]) {
    const [plain, key] = [randomBytes(length), randomBytes(32)]
    const { body, fileSha256, fileEncSha256 } = sealMedia(plain, kind, key)
    const { plaintext } = await WaMediaCrypto.decryptBytes(kind, key, body, fileSha256, fileEncSha256)
    expect(Buffer.from(plaintext)).toEqual(plain)
    const { ciphertextHmac } = await WaMediaCrypto.encryptBytes(kind, key, plain)
    expect(openMedia(Buffer.from(ciphertextHmac), kind, key)).toEqual(plain)
  }
})

test('what is damaged, or sealed with another key or as another kind, does not open', () => {
  const key = randomBytes(32)
  const { body } = sealMedia(randomBytes(100), 'image', key)
  const damaged = Buffer.from(body)
  damaged[3] = (damaged[3] ?? 0) ^ 1
  for (const attempt of [
    () => openMedia(damaged, 'image', key),
    () => openMedia(body, 'video', key),
    () => openMedia(body, 'image', randomBytes(32)),
    () => openMedia(body.subarray(0, 5), 'image', key),
  ]) {
    expect(attempt).toThrow('HMAC')
  }
})
