import { randomBytes } from 'node:crypto'
import type { BinaryNode } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { withEmulator } from './baileys.ts'

const ALICE = '15550001001'
const BOB = '15550002002'
const MAX = '491234567890'

const children = (node: BinaryNode | undefined): BinaryNode[] => (Array.isArray(node?.content) ? node.content : [])
const ask = (to: string, content: BinaryNode) => ({
  tag: 'iq',
  attrs: { to, type: 'get', xmlns: 'w:g2' },
  content: [content],
})

test('several groups are asked for at once, and their pictures', () =>
  withEmulator(async (emulator, client) => {
    const [max, phone] = [emulator.contact(MAX), emulator.phone(ALICE)]
    const alice = await client().link(phone)
    const ours = emulator.group({ subject: 'Wir', members: [max, phone] })
    const theirs = emulator.group({ subject: 'Andere', members: [max] })
    ours.changesPicture(randomBytes(100))
    theirs.changesPicture(randomBytes(100))
    const wanted = [ours.id, theirs.id, '120363000000000000@g.us']
    const groups = wanted.map((jid) => ({ tag: 'group', attrs: { jid } }))
    const [found] = children(await alice.sock.query(ask('@g.us', { tag: 'query', attrs: {}, content: groups })))
    expect(found?.tag).toBe('groups')
    expect(children(found).map(({ attrs }) => [attrs.id, attrs.subject, attrs.error])).toEqual([
      [ours.id.replace('@g.us', ''), 'Wir', undefined],
      [theirs.id, undefined, '403'],
      [wanted[2], undefined, '404'],
    ])
    const asked = wanted.map((jid) => ({ tag: 'picture', attrs: { jid, type: 'preview' } }))
    const [pictures] = children(await alice.sock.query(ask('@g.us', { tag: 'pictures', attrs: {}, content: asked })))
    const url = await alice.sock.profilePictureUrl(ours.id)
    expect(children(pictures)).toMatchObject([{ tag: 'picture', attrs: { jid: ours.id, type: 'preview', url } }])
  }))

test('who is invited personally looks at the group before they accept', () =>
  withEmulator(async (emulator, client) => {
    const max = emulator.contact(MAX)
    const bob = await client().link(emulator.phone(BOB))
    const group = emulator.group({ subject: 'Team', members: [max], description: 'Worum es geht' })
    await group.invites(BOB)
    const message = await bob.until(() => bob.messages.find(({ message }) => message?.groupInviteMessage))
    const { inviteCode: code = '', inviteExpiration: expiration = 0 } = message.message?.groupInviteMessage ?? {}
    const look = (ticket: string | null) => {
      const attrs = { code: ticket ?? '', expiration: String(expiration), admin: `${max.lid}@lid` }
      const request = { tag: 'add_request', attrs }
      const query = { tag: 'query', attrs: { request: 'interactive' }, content: [request] }
      return bob.sock.query(ask(group.id, query))
    }
    const [shown] = children(await look(code))
    expect(shown).toMatchObject({ tag: 'group', attrs: { subject: 'Team', size: '1' } })
    await expect(look('another')).rejects.toThrow('not-acceptable')
    expect(group.members).toEqual([MAX])
  }))
