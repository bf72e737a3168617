import { isPnUser, parseAndInjectE2ESessions, S_WHATSAPP_NET, type WASocket } from '@whiskeysockets/baileys'

type Socket = Pick<WASocket, 'getUSyncDevices' | 'query' | 'signalRepository'>

/**
 * Makes sessions with the devices of somebody whose hidden id WhatsApp does not tell. Baileys asks for keys under hidden
 * ids alone: without these sessions it encrypts for nobody. Where the hidden id is known it needs no help.
 */
export async function takeKeysByNumber(sock: Socket, jid: string): Promise<void> {
  const { signalRepository } = sock
  if (!isPnUser(jid) || (await signalRepository.lidMapping.getLIDForPN(jid))) return
  const devices = await sock.getUSyncDevices([jid], true, false)
  const strange: string[] = []
  for (const device of devices)
    if (!(await signalRepository.validateSession(device.jid)).exists) strange.push(device.jid)
  if (strange.length === 0) return
  const users = strange.map((device) => ({ tag: 'user', attrs: { jid: device } }))
  const question = { xmlns: 'encrypt', type: 'get', to: S_WHATSAPP_NET }
  const answer = await sock.query({ tag: 'iq', attrs: question, content: [{ tag: 'key', attrs: {}, content: users }] })
  await parseAndInjectE2ESessions(answer, signalRepository)
}
