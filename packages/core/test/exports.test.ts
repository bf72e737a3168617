import { expect, test } from 'vitest'
import * as core from '../src/index.ts'
import * as stores from '../src/stores/index.ts'
import * as testing from '../src/stores/testing/index.ts'

const listed = (module: object) =>
  Object.entries(module)
    .map(([name, value]) => `${name}: ${typeof value}`)
    .sort()

test('what @wamux/core exports', () => {
  expect(listed(core)).toMatchInlineSnapshot(`
    [
      "Session: function",
      "SessionManager: function",
      "Teller: function",
      "WamuxError: function",
      "invalid: function",
      "isWamuxError: function",
      "memoryLookups: function",
    ]
  `)
})

test('what @wamux/core/stores exports, and what its tables can do', () => {
  const tables = Object.entries(stores).filter(([, value]) => typeof value === 'object')
  expect(listed(stores)).toMatchInlineSnapshot(`
    [
      "apiKeys: object",
      "deliveries: object",
      "eventPage: function",
      "isOfStore: function",
      "journal: object",
      "openMemoryStore: function",
      "openPostgresStore: function",
      "openSqliteStore: function",
      "outbox: object",
      "ports: object",
      "replays: object",
      "row: function",
      "rows: function",
      "run: function",
      "settings: object",
      "steadyNow: function",
      "webhooks: object",
    ]
  `)
  expect(
    Object.fromEntries(tables.map(([name, table]) => [name, Object.keys(table).sort().join(' ')])),
  ).toMatchInlineSnapshot(`
    {
      "apiKeys": "add find list revoke",
      "deliveries": "add byEvent get head hurry list next prune queues queuesOf removeAll retryEarly settle",
      "journal": "after append bounds latest newest prune",
      "outbox": "accept byId dropOld extend lastSentAt notLaterThan ofBatch opened prolong raiseAck sentTo setAsksForDevices setOpened setTried settle unsettled waiting",
      "ports": "all get remove set",
      "replays": "missing redeliver replay",
      "settings": "get remove set",
      "webhooks": "DEFAULT PLAIN advance all disable get ofSession remove set setFailingSince",
    }
  `)
})

test('what @wamux/core/testing exports', () => {
  expect(listed(testing)).toMatchInlineSnapshot(`
    [
      "HOSTILE_IDS: object",
      "slowStore: function",
      "testKeys: function",
      "testStore: function",
    ]
  `)
})
