import { z } from 'zod'
import { contactOperations } from './contacts.ts'
import { eventOperations } from './events.ts'
import { faultOperations } from './faults.ts'
import { groupOperations } from './groups.ts'
import { historyOperations } from './history.ts'
import { mediaOperations } from './media.ts'
import { networkOperations } from './network.ts'
import { openApi } from './openapi.ts'
import { type Operation, operation } from './operation.ts'
import { phoneOperations } from './phones.ts'
import { sharedStateOperations } from './shared-state.ts'

const description = (id: string, path: `/${string}`) =>
  operation({
    id,
    method: 'GET',
    path,
    summary: 'This description',
    answer: z.looseObject({ openapi: z.string() }),
    handle: () => openApi(NOUNS),
  })

/** The only list of routes, by noun: what it says is what OpenAPI says. */
export const NOUNS: Readonly<Record<string, readonly Operation[]>> = {
  network: networkOperations,
  phones: phoneOperations,
  'shared state': sharedStateOperations,
  history: historyOperations,
  contacts: contactOperations,
  groups: groupOperations,
  media: mediaOperations,
  events: eventOperations,
  faults: faultOperations,
  description: [description('openApi', '/openapi.json'), description('adminOpenApi', '/admin/openapi.json')],
}

export const OPERATIONS: readonly Operation[] = Object.values(NOUNS).flat()
