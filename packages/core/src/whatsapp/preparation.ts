import {
  type GroupMetadata,
  isHostedPnUser,
  isJidGroup,
  isJidNewsletter,
  isLidUser,
  isPnUser,
  jidNormalizedUser,
  parseAndInjectE2ESessions,
  S_WHATSAPP_NET,
  type WASocket,
} from '@whiskeysockets/baileys'

type Socket = Pick<
  WASocket,
  'assertSessions' | 'authState' | 'getUSyncDevices' | 'groupMetadata' | 'query' | 'signalRepository'
>

export interface About {
  /** What is remembered of their devices may be wrong. */
  asksForDevices: boolean
  /** Of a status: who is to see it. */
  audience: readonly string[] | undefined
}

/**
 * Asks what Baileys would ask while it sends: who is in the group, which devices they have, and for keys. It does so
 * inside of its transaction, where one question without an answer holds up every other message and every retry
 * receipt. Afterwards Baileys finds it all.
 */
export async function prepare(sock: Socket, jid: string, about: About): Promise<GroupMetadata | undefined> {
  if (isJidNewsletter(jid)) return undefined
  const { creds, keys } = sock.authState
  const group = isJidGroup(jid) ? await sock.groupMetadata(jid) : undefined
  const own = (isLidUser(jid) && creds.me?.lid) || creds.me?.id
  const users = group?.participants.map(({ id }) => id) ?? about.audience ?? [jidNormalizedUser(own), jid]
  const devices = await sock.getUSyncDevices([...users], !about.asksForDevices, false)
  const has = group ? (await keys.get('sender-key-memory', [jid]))[jid] : undefined
  const jids = devices.map((device) => device.jid)
  await takeKeys(
    sock,
    jids.filter((device) => !has?.[device]),
  )
  return group
}

/**
 * Makes sessions with devices that we have none with. Baileys asks for keys under hidden ids alone: whose hidden id
 * WhatsApp does not tell it encrypts nothing for.
 */
async function takeKeys(sock: Socket, jids: readonly string[]): Promise<void> {
  const { signalRepository } = sock
  const strange: string[] = []
  for (const jid of jids) if (!(await signalRepository.validateSession(jid)).exists) strange.push(jid)
  if (strange.length === 0) return
  const numbers = strange.filter((jid) => isPnUser(jid) || isHostedPnUser(jid))
  const mapped = new Set((await signalRepository.lidMapping.getLIDsForPNs(numbers))?.map(({ pn }) => pn))
  const unmapped = new Set(numbers.filter((jid) => !mapped.has(jid)))
  const others = strange.filter((jid) => !unmapped.has(jid))
  if (others.length > 0) await sock.assertSessions(others, false)
  if (unmapped.size === 0) return
  const users = [...unmapped].map((jid) => ({ tag: 'user', attrs: { jid } }))
  const question = { xmlns: 'encrypt', type: 'get', to: S_WHATSAPP_NET }
  const answer = await sock.query({ tag: 'iq', attrs: question, content: [{ tag: 'key', attrs: {}, content: users }] })
  await parseAndInjectE2ESessions(answer, signalRepository)
}
