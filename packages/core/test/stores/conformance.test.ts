import { afterAll, describe, test } from 'vitest'
import { type StoreUnderTest, slowStore, testStore } from '../../src/stores/testing/index.ts'
import { dropShared, UNDER_TEST } from './open.ts'

afterAll(dropShared)

for (const under of UNDER_TEST) testStore({ describe, test }, under)

/** The same behind a network that takes its time. */
const slow = (under: StoreUnderTest): StoreUnderTest => ({
  ...under,
  name: `${under.name} that answers 0 to 5 ms late, twice`,
  newPlace: async () => {
    const place = await under.newPlace()
    return { ...place, open: async () => slowStore(await place.open(), { seed: 7 }) }
  },
})
// On PostgreSQL in the long form: it is slow by itself.
const slowed = UNDER_TEST.filter(({ name }) => name !== 'PostgreSQL' || process.env.WAMUX_LONG)
for (const under of slowed) testStore({ describe, test }, slow(under))
