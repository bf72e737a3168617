import { expect, test } from 'vitest'
import { linked, network, receiver, started } from './helpers.ts'

test('the documented conversation: link, send, be answered, be told, read it again', async () => {
  const emulator = await network()
  emulator.contact('491234567890', { name: 'Max Mustermann', behaviour: 'echo' })
  const app = await started({ baileys: emulator.socketConfig, allowLoopback: true })
  const { key } = await linked(app, emulator)
  const bot = await receiver()
  const set = await app.call('POST', '/api/instances/demo/webhook', { key, body: { url: bot.url, secret: 'geheim' } })
  expect(set.body).toEqual({ success: true, data: { url: bot.url, hasSecret: true } })

  const sent = await app.call('POST', '/api/send-message', { key, body: { phone: '491234567890', message: 'Hallo' } })
  expect(sent.status).toBe(200)
  const { messageId } = sent.body.data
  expect(sent.text).toBe(`{"success":true,"data":{"messageId":"${messageId}","phone":"491234567890","status":"sent"}}`)

  const { event } = await bot.next(({ event }) => event.event === 'message')
  expect(event).toMatchObject({
    event: 'message',
    instanceId: 'demo',
    data: { chatId: '491234567890@c.us', from: '491234567890@c.us', body: 'Hallo', isFromMe: false },
  })

  const recent = await app.call('GET', '/api/instances/demo/messages/recent?limit=100', { key })
  expect(recent.body.data.map(({ body, isFromMe }: { body: string; isFromMe: boolean }) => [body, isFromMe])).toEqual([
    ['Hallo', false],
    ['Hallo', true],
  ])
  const chats = await app.call('GET', '/api/instances/demo/chats', { key })
  expect(chats.body.data).toHaveLength(1)
  expect(chats.body.data[0]).toMatchObject({ chatId: '491234567890@c.us', messageCount: 2 })
})
