import { WamuxError } from '@wamux/core'

/** One bad field of a request. */
export const invalid = (path: string, message: string) =>
  new WamuxError('INVALID_INPUT', `${path} ${message}`, { issues: [{ path, message }] })
