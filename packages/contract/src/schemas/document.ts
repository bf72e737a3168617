import { z } from 'zod'

/** The OpenAPI document: its own specification describes it. */
export const document = z.unknown().describe('An OpenAPI 3.1 document')
