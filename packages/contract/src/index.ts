/** Private: the one list of routes, fields, codes and events. Bundled into the server, generated into the client. */
export { errorCodes, statusOf } from './errors.ts'
export { toWire, webhookEvents } from './events.ts'
export { openApi } from './openapi.ts'
export {
  type DataOf,
  errorsOf,
  type InputOf,
  type Operation,
  type OperationName,
  type Operations,
  operations,
  type ParamsOf,
  type Who,
} from './operations.ts'
export { keyHeaders, noBody } from './schemas/common.ts'
export type * from './wire.ts'
export { sayIssue } from './words.ts'
