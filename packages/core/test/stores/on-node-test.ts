import { describe, test } from 'node:test'
import { openMemoryStore } from '@wamux/core/stores'
import { testStore } from '@wamux/core/testing'

// Not for Vitest: `broken.test.ts` starts it in a process of its own.
testStore({ describe, test }, { name: 'memory', isInMemory: true, newPlace: async () => ({ open: openMemoryStore }) })
