import { describe, expect, test } from 'vitest'
import { type Address, fromJid, toChatId, toJid } from '../../src/whatsapp/jid.ts'

describe('toJid', () => {
  const rows: [chatId: string, jid: string][] = [
    ['491234567890@c.us', '491234567890@s.whatsapp.net'],
    ['12345@lid', '12345@lid'],
    ['120363012345678901@g.us', '120363012345678901@g.us'],
    ['1203630@newsletter', '1203630@newsletter'],
    ['status@broadcast', 'status@broadcast'],
  ]
  for (const [chatId, jid] of rows) test(`${chatId} is ${jid}`, () => expect(toJid(chatId)).toBe(jid))
})

describe('fromJid', () => {
  const rows: [jid: string | null | undefined, address: Address | undefined][] = [
    ['491234567890@s.whatsapp.net', { phone: '491234567890', device: 0 }],
    ['491234567890:12@s.whatsapp.net', { phone: '491234567890', device: 12 }],
    ['491234567890@c.us', { phone: '491234567890', device: 0 }],
    ['491234567890:99@hosted', { phone: '491234567890', device: 99 }],
    ['12345@lid', { lid: '12345', device: 0 }],
    ['12345:7@lid', { lid: '12345', device: 7 }],
    ['12345:99@hosted.lid', { lid: '12345', device: 99 }],
    ['120363012345678901@g.us', { chatId: '120363012345678901@g.us', device: 0 }],
    ['491234567890-1600000000@g.us', { chatId: '491234567890-1600000000@g.us', device: 0 }],
    ['status@broadcast', { chatId: 'status@broadcast', device: 0 }],
    ['1203630@newsletter', { chatId: '1203630@newsletter', device: 0 }],
    ['s.whatsapp.net', undefined],
    ['@s.whatsapp.net', undefined],
    ['@g.us', undefined],
    ['', undefined],
    [null, undefined],
    [undefined, undefined],
    ['no jid', undefined],
  ]
  for (const [jid, address] of rows) test(`reads ${JSON.stringify(jid)}`, () => expect(fromJid(jid)).toEqual(address))
})

describe('toChatId', () => {
  const rows: [jid: string, chatId: string | undefined][] = [
    ['491234567890:12@s.whatsapp.net', '491234567890@c.us'],
    ['12345:7@lid', '12345@lid'],
    ['120363012345678901@g.us', '120363012345678901@g.us'],
    ['s.whatsapp.net', undefined],
  ]
  for (const [jid, chatId] of rows) test(`${jid} is ${chatId ?? 'nobody'}`, () => expect(toChatId(jid)).toBe(chatId))
})

test('what goes out comes back', () => {
  for (const chatId of ['491234567890@c.us', '12345@lid', '120363012345678901@g.us', 'status@broadcast'])
    expect(toChatId(toJid(chatId))).toBe(chatId)
})
