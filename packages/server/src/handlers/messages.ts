import type { InputOf } from '@wamux/contract'
import type { Call, Handler } from './handler.ts'

/** Sending, reading, and looking people up. The gateway routes and those under an instance are the same. */
type Names =
  | 'sendMessage'
  | 'sendBulk'
  | 'getBatch'
  | 'pauseBatch'
  | 'resumeBatch'
  | 'cancelBatch'
  | 'getMessage'
  | 'cancelMessage'
  | 'checkNumber'
  | 'getContact'
  | 'sendInstanceMessage'
  | 'sendInstanceBulk'
  | 'getInstanceBatch'
  | 'pauseInstanceBatch'
  | 'resumeInstanceBatch'
  | 'cancelInstanceBatch'
  | 'getInstanceMessage'
  | 'cancelInstanceMessage'
  | 'checkInstanceNumber'
  | 'getInstanceContact'
  | 'listChats'
  | 'listMessages'
  | 'getChatMessage'
  | 'listRecentMessages'

// Not `Handler<…>`: each of these stands for two operations.
const sendMessage = async ({ body }: Pick<InputOf<'sendMessage'>, 'body'>, { session, repeat }: Call) => {
  const { phone, message, ...when } = body
  const data = await session().send(phone, message, { ...when, ...repeat })
  const status: 200 | 202 = data.status === 'sent' ? 200 : 202
  return { data, status }
}

const sendBulk = async ({ body }: Pick<InputOf<'sendBulk'>, 'body'>, { session, repeat }: Call) => ({
  data: await session().sendBulk(body.messages, repeat),
})

const getBatch = async ({ params: { batchId } }: { params: { batchId: string } }, { session }: Call) => ({
  data: await session().batch(batchId),
})

const pauseBatch = async ({ params: { batchId } }: { params: { batchId: string } }, { session }: Call) => ({
  data: await session().pauseBatch(batchId),
})

const resumeBatch = async ({ params: { batchId } }: { params: { batchId: string } }, { session }: Call) => ({
  data: await session().resumeBatch(batchId),
})

const cancelBatch = async ({ params: { batchId } }: { params: { batchId: string } }, { session }: Call) => ({
  data: await session().cancelBatch(batchId),
})

const getMessage = async ({ params: { messageId } }: { params: { messageId: string } }, { session }: Call) => ({
  data: await session().message(messageId),
})

const cancelMessage = async ({ params: { messageId } }: { params: { messageId: string } }, { session }: Call) => ({
  data: await session().cancelMessage(messageId),
})

const checkNumber = async ({ params: { phone } }: { params: { phone: string } }, { session }: Call) => ({
  data: await session().checkNumber(phone),
})

const getContact = async ({ params: { phone } }: { params: { phone: string } }, { session }: Call) => ({
  data: await session().contact(phone),
})

export const messages: { [N in Names]: Handler<N> } = {
  sendMessage,
  sendBulk,
  getBatch,
  pauseBatch,
  resumeBatch,
  cancelBatch,
  getMessage,
  cancelMessage,
  checkNumber,
  getContact,
  sendInstanceMessage: sendMessage,
  sendInstanceBulk: sendBulk,
  getInstanceBatch: getBatch,
  pauseInstanceBatch: pauseBatch,
  resumeInstanceBatch: resumeBatch,
  cancelInstanceBatch: cancelBatch,
  getInstanceMessage: getMessage,
  cancelInstanceMessage: cancelMessage,
  checkInstanceNumber: checkNumber,
  getInstanceContact: getContact,
  listChats: ({ query }, { session }) => session().chats(query),
  listMessages: ({ params: { chatId }, query }, { session }) => session().messages(chatId, query),
  getChatMessage: async ({ params: { chatId, messageId }, query }, { session }) => ({
    data: await session().chatMessage(chatId, messageId, query.sender),
  }),
  listRecentMessages: ({ query }, { session }) => session().recentMessages(query),
}
