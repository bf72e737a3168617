import { ClientSession, type RemoteOnly } from '@wamux/client'
import { Session, type SessionApi, type Teller } from '@wamux/core'
import { expect, test } from 'vitest'

/** What only the SDK's session has: listeners, and what its manager calls. */
type LocalOnly =
  | keyof Teller
  | 'sendContent'
  | 'snapshot'
  | 'resume'
  | 'expire'
  | 'shutDown'
  | 'renamed'
  | 'ring'
  | 'storeFailed'

/** `true` where both are the same, else a type to which nothing can be assigned. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never

// A method on one side only does not compile: it belongs into SessionApi, or into one of the two lists.
const sdk: Same<Exclude<keyof Session, LocalOnly>, keyof SessionApi> = true
const http: Same<Exclude<keyof ClientSession, RemoteOnly>, keyof SessionApi> = true

/** One line decides where a bot runs. */
const either = (session: SessionApi) => session

test('both sessions are the same interface', () => {
  expect([sdk, http]).toEqual([true, true])
  const methods = (type: { prototype: object }) => Object.getOwnPropertyNames(type.prototype)
  const shared = methods(Session).filter((name) => methods(ClientSession).includes(name) && name !== 'constructor')
  expect(shared.sort()).toMatchInlineSnapshot(`
    [
      "batch",
      "cancelBatch",
      "cancelMessage",
      "chatMessage",
      "chats",
      "checkNumber",
      "contact",
      "events",
      "info",
      "logout",
      "message",
      "messages",
      "pairingCode",
      "pauseBatch",
      "qr",
      "recentMessages",
      "restart",
      "resumeBatch",
      "send",
      "sendBulk",
      "start",
      "stop",
    ]
  `)
  either satisfies (session: ClientSession) => unknown
  either satisfies (session: Session) => unknown
})
