import type { BinaryNode } from '@whiskeysockets/baileys'

/** `from` of everything the server itself says. With the bare host, Baileys takes some notifications for a contact's. */
export const SERVER = '@s.whatsapp.net'

/** Makes a node. Attributes that are undefined are left out: the encoder would count them and corrupt the frame. */
export function el(
  tag: string,
  attrs: Record<string, string | number | undefined> = {},
  content?: BinaryNode[] | string | Uint8Array,
): BinaryNode {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(attrs)) if (value !== undefined) kept[name] = String(value)
  return content === undefined ? { tag, attrs: kept } : { tag, attrs: kept, content }
}

export function children(node: BinaryNode | undefined, tag?: string): BinaryNode[] {
  if (!Array.isArray(node?.content)) return []
  return tag === undefined ? node.content : node.content.filter((child) => child.tag === tag)
}

export function child(node: BinaryNode | undefined, tag: string): BinaryNode | undefined {
  return children(node, tag)[0]
}

/** The content as bytes. Short strings are packed on the wire and may arrive as text. */
export function bytesOf(node: BinaryNode | undefined): Buffer {
  const content = node?.content
  if (content === undefined || Array.isArray(content)) return Buffer.alloc(0)
  return typeof content === 'string' ? Buffer.from(content) : Buffer.from(content)
}

export function textOf(node: BinaryNode | undefined): string {
  return bytesOf(node).toString('utf8')
}

/** The content as a big-endian number, as key ids and registration ids are written. */
export function numberOf(node: BinaryNode | undefined): number {
  return bytesOf(node).reduce((value, byte) => value * 256 + byte, 0)
}

export function bigEndian(value: number, length: number): Buffer {
  const out = Buffer.alloc(length)
  out.writeUIntBE(value, 0, length)
  return out
}
