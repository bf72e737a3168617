import { TOKEN_MAP } from '@whiskeysockets/baileys/lib/WABinary/constants.js'

/**
 * Baileys looks up what it writes in a plain object. What every object has (`constructor`, `toString`, `__proto__`) is
 * found there too, and goes over the wire as nothing; ids are strangers' words. Once per process, for everybody.
 */
export function patchTokens(): void {
  Object.setPrototypeOf(TOKEN_MAP, null)
}
