import type { IncomingMessage } from 'node:http'
import { toPhone } from './world/jids.ts'

const MAX_BODY = 1024 * 1024

/** Something that the caller got wrong, in a field that is named. */
export class InputError extends Error {
  readonly field: string
  readonly status: number

  constructor(field: string, message: string, status = 400) {
    super(message)
    this.field = field
    this.status = status
  }
}

export async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request) {
    // Without an encoding set, a request's chunks are Buffers.
    const bytes = chunk as Buffer
    length += bytes.length
    if (length > MAX_BODY) throw new InputError('body', `The body is longer than ${MAX_BODY} bytes.`, 413)
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The fields of a JSON body, asked for one by one; every getter throws an InputError that names its field. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>
  readonly #asked = new Set<string>()
  readonly #prefix: string

  constructor(values: unknown, prefix = '') {
    if (typeof values !== 'object' || values === null || Array.isArray(values)) {
      throw new InputError(prefix || 'body', `${prefix || 'The body'} must be a JSON object.`)
    }
    this.#values = { ...values }
    this.#prefix = prefix === '' ? '' : `${prefix}.`
  }

  static async of(request: IncomingMessage): Promise<Fields> {
    const text = await readText(request)
    try {
      return new Fields(text.trim() === '' ? {} : JSON.parse(text))
    } catch (error) {
      if (error instanceof InputError) throw error
      throw new InputError('body', 'The body is not JSON.')
    }
  }

  text(name: string): string {
    const value = this.optionalText(name)
    if (value === undefined) throw this.#wrong(name, 'is missing')
    return value
  }

  optionalText(name: string): string | undefined {
    const value = this.#take(name)
    if (value === undefined || value === null) return undefined
    if (typeof value !== 'string' || value === '') throw this.#wrong(name, 'must be a text that is not empty')
    return value
  }

  phone(name: string): string {
    try {
      return toPhone(this.text(name))
    } catch (error) {
      if (error instanceof InputError) throw error
      throw this.#wrong(name, 'must be an international phone number')
    }
  }

  /** Digits, or the id of a group. */
  chat(name: string): string {
    const value = this.optionalText(name)
    return value?.endsWith('@g.us') ? value : this.phone(name)
  }

  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.optionalText(name)
    if (value === undefined) return undefined
    const chosen = choices.find((choice) => choice === value)
    if (chosen === undefined) throw this.#wrong(name, `must be one of ${choices.join(', ')}`)
    return chosen
  }

  number(name: string): number | undefined {
    const value = this.#take(name)
    if (value === undefined) return undefined
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
      throw this.#wrong(name, 'must be a whole number of 0 or more')
    }
    return value
  }

  flag(name: string): boolean | undefined {
    const value = this.#take(name)
    if (value !== undefined && typeof value !== 'boolean') throw this.#wrong(name, 'must be true or false')
    return value
  }

  texts(name: string): string[] {
    const value = this.#take(name)
    const isList = Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string')
    if (!isList) throw this.#wrong(name, 'must be a list of texts that is not empty')
    return value
  }

  object(name: string): Fields | undefined {
    const value = this.#take(name)
    return value === undefined ? undefined : new Fields(value, `${this.#prefix}${name}`)
  }

  /** Throws when there are fields that nobody asked for: a misspelt one would be ignored in silence. */
  done(): void {
    const strange = Object.keys(this.#values).find((name) => !this.#asked.has(name))
    if (strange !== undefined) throw this.#wrong(strange, 'is not a field of this route')
  }

  #take(name: string): unknown {
    this.#asked.add(name)
    return this.#values[name]
  }

  #wrong(name: string, complaint: string): InputError {
    return new InputError(`${this.#prefix}${name}`, `${this.#prefix}${name} ${complaint}.`)
  }
}
