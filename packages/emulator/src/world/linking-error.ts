/** A companion that has just been linked. */
export interface Linked {
  readonly phone: string
  readonly lid: string
  readonly device: number
}

/** A client could not be linked. `field` is what to look at. */
export class LinkingError extends Error {
  readonly field: 'qr' | 'code' | 'client'

  constructor(field: LinkingError['field'], message: string) {
    super(message)
    this.name = 'LinkingError'
    this.field = field
  }
}
