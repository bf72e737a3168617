import type { BinaryNode } from '@whiskeysockets/baileys'

/** Prints a stanza the way the protocol notes do. Bytes are shown by their length and start, in hexadecimal. */
export function toXml(node: BinaryNode, indent = ''): string {
  const attrs = Object.entries(node.attrs).map(([name, value]) => ` ${name}='${escapeXml(String(value))}'`)
  const open = `${indent}<${node.tag}${attrs.join('')}`
  const { content } = node
  if (content === undefined || content.length === 0) return `${open}/>`
  if (typeof content === 'string') return `${open}>${escapeXml(content)}</${node.tag}>`
  if (content instanceof Uint8Array) return `${open}>${printBytes(content)}</${node.tag}>`
  return `${open}>\n${content.map((child) => toXml(child, `${indent}  `)).join('\n')}\n${indent}</${node.tag}>`
}

function printBytes(content: Uint8Array): string {
  const bytes = Buffer.from(content)
  if (bytes.length <= 64 && /^[\x20-\x7e]+$/.test(bytes.toString('latin1'))) return escapeXml(bytes.toString('latin1'))
  const start = bytes.subarray(0, 32).toString('hex')
  return `${start}${bytes.length > 32 ? '…' : ''} (${bytes.length} bytes)`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll("'", '&apos;')
}
