import type { BaileysOptions } from '@wamux/core'

/** Which WhatsApp: the real one, or the emulator whose control API is at `control`, whose certificates are trusted. */
export async function network(control: string | undefined): Promise<BaileysOptions> {
  if (!control) return {}
  const { trustEmulator } = await import('@wamux/emulator')
  const answer = await fetch(`${control}/admin/noise-root`)
  const { publicKey } = (await answer.json()) as { publicKey: string }
  trustEmulator(Buffer.from(publicKey, 'base64'))
  return { waWebSocketUrl: `${control.replace(/^http/, 'ws')}/ws/chat` }
}
