import { type BinaryNode, NACK_REASONS } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { answering, keep, patchRefusals } from '../../src/whatsapp/refusals.ts'

const stanza = (): BinaryNode => ({ tag: 'message', attrs: { id: 'A' } })
const codes = () => [NACK_REASONS.ParsingError, NACK_REASONS.MissingMessageSecret, NACK_REASONS.UnhandledError]

test('a message that is kept is not refused; any other is, and those of other sockets', async () => {
  expect(codes()).toEqual([487, 495, 500])
  patchRefusals()
  patchRefusals() // once per process
  const [one, other] = [stanza(), stanza()]
  await answering(one, async () => {
    expect(codes()).toEqual([487, 495, 500])
    keep(one)
    await Promise.resolve()
    expect(codes()).toEqual([0, 0, 0])
    expect(answering(other, codes)).toEqual([487, 495, 500])
  })
  expect(codes()).toEqual([487, 495, 500])
  expect(NACK_REASONS.SenderReachoutTimelocked).toBe(463)
})
