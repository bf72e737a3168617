import type { MessageRelayOptions } from '@whiskeysockets/baileys'
import { toJid } from './jid.ts'

/**
 * What goes into the stanza of a message beside its protobuf. Server and clients go by it, so that it is kept with the
 * message and is the same each time it is sent: an edit without its mark is a second message.
 */
export interface Relay {
  /** 1: a text is changed, 2: a message is pinned, 7: it is taken back by who wrote it, 8: by an admin. */
  edit?: '1' | '2' | '7' | '8'
  /** What kind of poll or event it is, for those who cannot read it. */
  meta?: Readonly<Record<string, string>>
  /** Who is to see a status: chat ids of people. */
  audience?: readonly string[]
}

/** As Baileys takes it. `relay` is a {@link Relay} as JSON. */
export function relayOptions(relay: string): MessageRelayOptions {
  const { edit, meta, audience } = JSON.parse(relay) as Relay // written by the outbox
  return {
    ...(edit !== undefined && { additionalAttributes: { edit } }),
    ...(meta && { additionalNodes: [{ tag: 'meta', attrs: { ...meta } }] }),
    ...(audience && { statusJidList: audience.map(toJid) }),
  }
}

export const hasRelay = (relay: string): boolean => Object.keys(JSON.parse(relay)).length > 0
