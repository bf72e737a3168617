import type { Broken } from './broken.ts'

/** A build on which a story of `tests` fails: what it breaks no suite can ask the server for, or takes no kill. */
export interface BrokenInStory extends Broken {
  /** Its file in `tests`, and what its title holds. */
  story: { file: string; title: string }
}

const RELAY = { file: 'relay.test.ts', title: 'also when somebody could not read it' }
const RESTRICTED = { file: 'restricted.test.ts', title: 'goes on with those that it has, over a restart too' }

export const brokenInStories: Readonly<Record<string, BrokenInStory>> = {
  'mark-lost-on-resend': {
    about: 'What stands beside a message is not sent again with it to somebody who could not read it.',
    story: RELAY,
    edits: [
      {
        file: 'packages/core/src/whatsapp/resends.ts',
        from: '{ ...relayOptions(sent.relay), ...to, messageId: sent.id }',
        to: '{ ...(relayOptions && to), messageId: sent.id }',
      },
    ],
  },
  'mark-left-to-baileys': {
    about: 'Baileys sends a message again as it would: its protobuf alone.',
    story: RELAY,
    edits: [
      {
        file: 'packages/core/src/whatsapp/resends.ts',
        from: 'if (hasRelay(sent.relay) && this.#asked.has(id)) {',
        to: 'if (!sent.relay) {',
      },
      {
        file: 'packages/core/src/whatsapp/resends.ts',
        from: 'if (!this.#withheld.has(id)) remember(to, id, message)',
        to: 'remember(to, id, message)',
      },
    ],
  },
  'restriction-holds-all': {
    about: 'An account that may begin no chats goes on with none.',
    story: RESTRICTED,
    edits: [
      {
        file: 'packages/core/src/restriction.ts',
        from: 'return isNew ? {',
        to: 'return isNew || known ? {',
      },
    ],
  },
  'restriction-forgotten': {
    about: 'That an account may begin no chats is forgotten with the process.',
    story: RESTRICTED,
    edits: [
      { file: 'packages/core/src/holds.ts', from: 'this.#until = restriction?.until ?? 0', to: 'this.#until = 0' },
    ],
  },
}
