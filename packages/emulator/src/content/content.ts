import type { proto } from '@whiskeysockets/baileys'

/** What a person can send. A string is a text; a `message` goes out as it is, whatever is in it. */
export type Content = string | (Body & Additions)

type Body =
  | TextContent
  | PollContent
  | EventContent
  | CardContent
  | LocationContent
  | { readonly message: proto.IMessage }

export interface TextContent {
  readonly text: string
}

export interface PollContent {
  readonly poll: {
    readonly question: string
    readonly options: readonly string[]
    /** How many options may be picked; 0, the default, is as many as one likes. */
    readonly pick?: number
  }
}

export interface EventContent {
  readonly event: {
    readonly name: string
    readonly description?: string
    /** Milliseconds. */
    readonly startsAt: number
    readonly endsAt?: number
    /** Name of the place. */
    readonly place?: string
  }
}

/** One contact card, or several in one message. Phones are digits. */
export interface CardContent {
  readonly cards: readonly { readonly name: string; readonly phone: string }[]
}

export interface LocationContent {
  readonly location: {
    /** Degrees. */
    readonly latitude: number
    readonly longitude: number
    readonly name?: string
    readonly address?: string
    /** Moves while it is shared. */
    readonly isLive?: boolean
  }
}

/** What any content can have besides. */
export interface Additions {
  /** Id of a message that this person has written or received. */
  readonly quotes?: string
  /** Phone digits of the people named in it; the text itself says `@` and their number. */
  readonly mentions?: readonly string[]
  /** The message disappears after so many seconds. */
  readonly disappearsAfter?: number
}

/** How somebody answers an event. */
export const ANSWERS = ['going', 'not_going', 'maybe'] as const
export type Answer = (typeof ANSWERS)[number]
