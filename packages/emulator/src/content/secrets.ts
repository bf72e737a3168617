import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto'
import { proto } from '@whiskeysockets/baileys'
import { ANSWERS, type Answer } from './content.ts'

/** Which message an answer belongs to, and who gives it. JIDs without device, both in the same space. */
export interface Sealing {
  readonly secret: Uint8Array
  readonly id: string
  readonly creator: string
  readonly answerer: string
}

/** 12 bytes, never twice for the same secret. */
type Iv = Uint8Array

export interface Sealed {
  readonly encPayload: Uint8Array
  readonly encIv: Uint8Array
}

/** A vote names its options by hash only. */
export function sealVote(sealing: Sealing, options: readonly string[], iv: Iv): Sealed {
  const plain = proto.Message.PollVoteMessage.encode({ selectedOptions: options.map(hashOf) }).finish()
  return seal(keyFor(sealing, 'Poll Vote'), plain, aadOf(sealing), iv)
}

/** The options picked, in the order of the poll. Throws when the vote was sealed for something else. */
export function openVote(sealing: Sealing, vote: Sealed, options: readonly string[]): string[] {
  const plain = open(keyFor(sealing, 'Poll Vote'), vote, aadOf(sealing))
  const picked = proto.Message.PollVoteMessage.decode(plain).selectedOptions.map((hash) => Buffer.from(hash))
  return options.filter((option) => picked.some((hash) => hash.equals(hashOf(option))))
}

export function sealAnswer(sealing: Sealing, answer: Answer, timestampMs: number, iv: Iv): Sealed {
  const plain = proto.Message.EventResponseMessage.encode({ response: RESPONSES[answer], timestampMs }).finish()
  return seal(keyFor(sealing, 'Event Response'), plain, aadOf(sealing), iv)
}

/** Throws when the answer was sealed for something else. */
export function openAnswer(sealing: Sealing, sealed: Sealed): Answer | undefined {
  const plain = open(keyFor(sealing, 'Event Response'), sealed, aadOf(sealing))
  const { response } = proto.Message.EventResponseMessage.decode(plain)
  return ANSWERS.find((answer) => RESPONSES[answer] === response)
}

const { EventResponseType } = proto.Message.EventResponseMessage
const RESPONSES = {
  going: EventResponseType.GOING,
  not_going: EventResponseType.NOT_GOING,
  maybe: EventResponseType.MAYBE,
}

/** HKDF-SHA256 of the secret, without salt, over the three names and the purpose. Learnt from Baileys. */
function keyFor({ secret, id, creator, answerer }: Sealing, purpose: string): Buffer {
  const base = createHmac('sha256', Buffer.alloc(32)).update(secret).digest()
  const info = Buffer.concat([Buffer.from(`${id}${creator}${answerer}${purpose}`), Buffer.from([1])])
  return createHmac('sha256', base).update(info).digest()
}

function aadOf({ id, answerer }: Sealing): Buffer {
  return Buffer.from(`${id}\0${answerer}`)
}

function hashOf(option: string): Buffer {
  return createHash('sha256').update(option).digest()
}

const TAG_LENGTH = 16

function seal(key: Buffer, plain: Uint8Array, aad: Buffer, encIv: Iv): Sealed {
  const cipher = createCipheriv('aes-256-gcm', key, encIv).setAAD(aad)
  return { encIv, encPayload: Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]) }
}

function open(key: Buffer, { encPayload, encIv }: Sealed, aad: Buffer): Buffer {
  const end = Math.max(0, encPayload.length - TAG_LENGTH)
  const decipher = createDecipheriv('aes-256-gcm', key, encIv, { authTagLength: TAG_LENGTH }).setAAD(aad)
  decipher.setAuthTag(encPayload.subarray(end))
  return Buffer.concat([decipher.update(encPayload.subarray(0, end)), decipher.final()])
}
