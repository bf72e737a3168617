/** A query that is answered with an error. */
export class IqError extends Error {
  readonly code: number
  /** What the answer says, such as `item-not-found`. */
  readonly text: string

  /** `explanation` is for people in this process, who get the error as an exception. */
  constructor(code: number, text: string, explanation = text) {
    super(explanation)
    this.code = code
    this.text = text
  }
}
