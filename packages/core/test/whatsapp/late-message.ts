/**
 * A process of its own, since libsignal is patched once per process. Two people with plain Baileys; a message of their
 * old session arrives after they have begun a new one. Says as JSON what could still be read, beside whatever libsignal
 * itself prints. With `patched` as argument, after core's patch.
 */
import { patchLibsignal } from '../../src/whatsapp/ratchet.ts'
import { padded, stockParty, textOf } from './parties.ts'

if (process.argv[2] === 'patched') patchLibsignal()

const A = '4911111111@s.whatsapp.net'
const B = '4922222222@s.whatsapp.net'
const [a, b] = [await stockParty(), await stockParty()]
const [from, to] = [
  (text: string) => b.repository.encryptMessage({ jid: A, data: padded(text) }),
  (text: string) => a.repository.encryptMessage({ jid: B, data: padded(text) }),
]
type Cipher = Awaited<ReturnType<typeof from>>
const said: Record<string, string> = {}
async function atA(cipher: Cipher, as: string) {
  said[as] = await a.repository.decryptMessage({ jid: B, ...cipher }).then(textOf, (error: unknown) => `! ${error}`)
}
async function atB(cipher: Cipher, as: string) {
  said[as] = await b.repository.decryptMessage({ jid: A, ...cipher }).then(textOf, (error: unknown) => `! ${error}`)
}
async function newSession(number: number) {
  const session = a.bundles[number]
  if (session) await b.repository.injectE2ESession({ jid: A, session })
  await atA(await from(`begin ${number}`), `begin ${number}`)
  await atB(await to(`answer ${number}`), `answer ${number}`)
}

await newSession(0)
const late = await from('late')
await newSession(1)
const next = await from('next')
await atA(late, 'late')
await atA(next, 'next')
await atB(await to('reply'), 'reply')
await atA(await from('last'), 'last')
console.log(`RESULT ${JSON.stringify(said)}`)
process.exit(0)
