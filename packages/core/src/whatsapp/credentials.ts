import { type AuthenticationCreds, BufferJSON, initAuthCreds } from '@whiskeysockets/baileys'
import { isWamuxError, unreadable, WamuxError } from '../errors.ts'
import type { Account } from '../shared.ts'
import * as keys from '../stores/sql/keys.ts'
import { isDamage, type Store } from '../stores/store.ts'

/** Under which key a session's credentials are kept, beside its Signal keys. */
export const CREDENTIALS = { type: 'creds', id: 'creds' } as const
const ROW = `${CREDENTIALS.type}/${CREDENTIALS.id}`

export const writeCredentials = (creds: AuthenticationCreds): string => JSON.stringify(creds, BufferJSON.replacer)

/**
 * The credentials of a session. New ones are made only for a session that is not linked: when an account is known and
 * its credentials are missing or cannot be read, that is an error, and the bytes stay as they are. A silent new
 * identity would cost the user the account.
 * @throws CREDENTIALS_UNREADABLE, and whatever the store throws
 */
export async function loadCredentials(
  store: Store,
  session: string,
  account: Account | null,
): Promise<AuthenticationCreds> {
  // As a write, to come after those of the connection before: what it gave to the store may not be committed yet.
  const stored = await store.write(() => keys.get(session, CREDENTIALS.type, [CREDENTIALS.id]))
  const text = stored.get(CREDENTIALS.id)
  if (text === undefined) {
    if (account) throw unreadable(session, ROW, 'is missing')
    const creds = initAuthCreds()
    await store.write(() => keys.put(session, CREDENTIALS.type, CREDENTIALS.id, writeCredentials(creds)))
    return creds
  }
  return completeLinking(parse(session, text))
}

/** {@link loadCredentials}, for a connection. @throws CREDENTIALS_UNREADABLE, STORE_FAILED */
export async function openCredentials(...of: Parameters<typeof loadCredentials>): Promise<AuthenticationCreds> {
  try {
    return await loadCredentials(...of)
  } catch (error) {
    if (isWamuxError(error)) throw error
    if (isDamage(error)) throw unreadable(of[1], ROW, 'cannot be read', error)
    throw new WamuxError('STORE_FAILED', 'The credentials could not be read.', undefined, { cause: error })
  }
}

function parse(session: string, text: string): AuthenticationCreds {
  let creds: AuthenticationCreds
  try {
    creds = JSON.parse(text, BufferJSON.reviver)
  } catch (error) {
    throw unreadable(session, ROW, 'is no JSON', error)
  }
  const whole =
    creds?.noiseKey?.private?.length === 32 &&
    creds.signedIdentityKey?.private?.length === 32 &&
    creds.signedPreKey?.keyPair?.private?.length === 32 &&
    typeof creds.registrationId === 'number' &&
    typeof creds.advSecretKey === 'string'
  if (!whole) throw unreadable(session, ROW, 'is not whole')
  return creds
}

/** Asking for a pairing code already writes a `me`; without an account signature nobody typed the code in time. */
function completeLinking(creds: AuthenticationCreds): AuthenticationCreds {
  if (creds.me && !creds.account) {
    delete creds.me
    creds.pairingCode = undefined
  }
  return creds
}
