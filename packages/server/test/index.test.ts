import { expect, test } from 'vitest'
import * as server from '../src/index.ts'

test('the exports are the ones that the README names', () => {
  expect(Object.keys(server).sort()).toMatchInlineSnapshot(`
    [
      "ConfigError",
      "createServer",
      "loadConfig",
    ]
  `)
})
