/** Typing is shown for at least this long, and for so much more per character: somebody who is quick with a phone. */
const SHORTEST_MS = 1_000
const PER_CHARACTER_MS = 50
/** Nobody else of the account is served meanwhile, and WhatsApp stops showing it after some 25 s. */
const LONGEST_MS = 5_000

/** For how long somebody types a text of so many characters, in ms; a little different each time. */
export function typingMs(characters: number, random: () => number = Math.random): number {
  const ms = Math.min(SHORTEST_MS + characters * PER_CHARACTER_MS, LONGEST_MS)
  return Math.round(ms * (0.8 + 0.2 * random()))
}

/** Shows typing in a chat, for as long as the text takes. */
export async function type(wire: { typing(chat: string): Promise<void> }, chat: string, text: string): Promise<void> {
  await wire.typing(chat)
  await new Promise<void>((typed) => setTimeout(typed, typingMs(text.length)).unref())
}
