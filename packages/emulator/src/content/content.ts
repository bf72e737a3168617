import type { proto } from '@whiskeysockets/baileys'

/** What a person can send; a string is a text. */
export type Content = string | (ContentBody & Additions)

/** What a content is, without what any can have besides. */
export type ContentBody =
  | TextContent
  | PollContent
  | EventContent
  | CardContent
  | LocationContent
  | MediaContent
  | AlbumContent
  | RawContent

/** Goes out as it is, whatever is in it. */
export interface RawContent {
  readonly message: proto.IMessage
}

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

/** Files as they are: they are encrypted and put on the media host when the message is sent. */
export type MediaContent = ImageContent | VideoContent | AudioContent | DocumentContent | StickerContent

/** What files have in common. */
export interface FileContent {
  /** By default what phones send most: JPEG, MP4, Ogg, PDF, WebP. */
  readonly mimetype?: string
  /** Can be looked at once. */
  readonly isViewOnce?: boolean
}

export interface ImageContent extends FileContent {
  readonly image: Uint8Array
  readonly caption?: string
}

export interface VideoContent extends FileContent {
  readonly video: Uint8Array
  readonly caption?: string
  readonly seconds?: number
  /** Plays by itself, again and again. */
  readonly isGif?: boolean
  /** The round ones that are recorded in a chat. */
  readonly isNote?: boolean
}

export interface AudioContent extends FileContent {
  readonly audio: Uint8Array
  readonly seconds?: number
  /** Spoken into the phone, rather than a file. */
  readonly isVoice?: boolean
}

export interface DocumentContent extends FileContent {
  readonly document: Uint8Array
  readonly fileName: string
  readonly caption?: string
}

export interface StickerContent extends FileContent {
  readonly sticker: Uint8Array
  readonly isAnimated?: boolean
}

/** Pictures and videos that are shown together: a message of its own, and one more for each of them. */
export interface AlbumContent {
  readonly album: readonly (ImageContent | VideoContent)[]
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
