import type { Broken } from './broken.ts'

const CONNECTION = 'packages/core/src/whatsapp/connection.ts'
const DISPATCH = 'packages/core/src/whatsapp/dispatch.ts'
const INBOX = 'packages/core/src/inbox.ts'
const HARDEN = 'packages/core/src/whatsapp/harden.ts'

/** What a server that misbehaves could do to builds that believe too much. */
export const brokenAgainstServers: Readonly<Record<string, Broken>> = {
  'calls-wait': {
    about: 'What was asked waits for its time-out when the connection has ended.',
    edits: [
      {
        file: 'packages/core/src/whatsapp/questions.ts',
        from: 'return await Promise.race([question, ended])',
        to: 'ended.catch(() => {})\n      return await question',
      },
    ],
  },
  'replaced-comes-back': {
    about: 'An account that was taken elsewhere is fought for.',
    edits: [
      {
        file: 'packages/core/src/disconnects.ts',
        from: "return failed('REPLACED')",
        to: "return { kind: 'lost', cause: 'replaced' }",
      },
    ],
  },
  'queue-forgets': {
    about: 'What was on the wire when the connection ended is not sent again.',
    edits: [
      {
        file: DISPATCH,
        from: 'const sent = sending.run(',
        to: 'if (FIRST.has(entry.id)) return\n    FIRST.add(entry.id)\n    const sent = sending.run(',
      },
      {
        file: DISPATCH,
        from: 'const LIMIT_MS = 30_000',
        to: 'const LIMIT_MS = 30_000\nconst FIRST = new Set<string>()',
      },
    ],
  },
  'listeners-uncaught': {
    about: 'What throws in a listener of Baileys is caught by nobody.',
    edits: [
      {
        file: HARDEN,
        from: 'else options.fatal(error)',
        to: 'else throw error',
      },
    ],
  },
  'known-by-chat': {
    about: 'A message is known by its chat and its id, whoever wrote it.',
    edits: [
      {
        file: INBOX,
        from: "'me' : author ? contacts.chatOf(author) : chat.id }",
        to: "'me' : chat.id }",
      },
    ],
  },
  'any-receipt-counts': {
    about: 'A receipt counts whoever it comes from.',
    edits: [{ file: INBOX, from: 'if (sent && !names.includes(sent.chat)) continue', to: '' }],
  },
  'frames-at-once': {
    about: 'A frame is read while the one before it is still being unpacked.',
    edits: [
      {
        file: HARDEN,
        from: "const queue = lane || name === 'message' ?",
        to: 'const queue = lane ?',
      },
    ],
  },
  'unpacked-without-limit': {
    about: 'What is compressed may grow to whatever it says.',
    edits: [
      { file: 'packages/core/src/whatsapp/frames.ts', from: 'if (reading.getStore()) limit(this)', to: 'void limit' },
    ],
  },
  'unreadable-refused': {
    about: 'A message that cannot be read is refused as Baileys does it.',
    edits: [
      {
        file: 'packages/core/src/whatsapp/refusals.ts',
        from: 'return node && kept.has(node) ? 0 : code',
        to: 'return node && !kept ? 0 : code',
      },
    ],
  },
  'certificates-unchecked': {
    about: 'A server is believed whatever its certificates say.',
    edits: [
      {
        file: 'packages/core/src/whatsapp/certificates.ts',
        from: "return check.mode === 'off' ? work() : checks.run(check, work)",
        to: 'return work()',
      },
    ],
  },
  'certificates-for-ever': {
    about: 'Neither the dates of certificates are looked at, nor who issued them.',
    edits: [
      {
        file: 'packages/core/src/whatsapp/certificates.ts',
        from: '(issued && issuerFault(details, issued)) ?? dateFault(details)',
        to: '(issued && details && void [issuerFault, dateFault])',
      },
    ],
  },
  'unreadable-untold': {
    about: 'Of a message that cannot be read nobody is told.',
    edits: [
      {
        file: 'packages/core/src/whatsapp/signal.ts',
        from: 'await this.#vault.commit({}, [part.recordUndecryptable()])',
        to: 'part.recordUndecryptable()',
      },
    ],
  },
  'wishes-forgotten': {
    about: 'How often a message was asked for is forgotten with the process.',
    edits: [
      {
        file: 'packages/core/src/whatsapp/retry-counts.ts',
        from: 'return kept && Number(Buffer.from(kept).toString())',
        to: 'return kept && undefined',
      },
    ],
  },
  'silence-is-no': {
    about: 'A number of which WhatsApp says nothing counts as not registered.',
    edits: [
      {
        file: CONNECTION,
        from: "if (!found) throw new WamuxError('WHATSAPP_TIMEOUT', 'WhatsApp did not say whether the number exists.')",
        to: 'if (!found) return { registered: false, lid: null }',
      },
    ],
  },
  'all-at-once': {
    about: 'All that lost their connection come back when their wait is over, however many they are.',
    edits: [{ file: 'packages/core/src/gate.ts', from: 'this.#next = at + this.#gapMs', to: 'this.#next = now' }],
  },
}
