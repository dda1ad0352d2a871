// The published schema of a relay list: kind 10002 (NIP-65).

import { ANYTHING, eventSchema } from './event-schema.ts'

export const RELAY_LIST_SCHEMA = eventSchema({
  file: 'relay-list.json',
  title: 'Relay list',
  description: 'Where a key writes and where it reads.',
  kinds: [10002],
  tags: [{ name: 'r', values: [ANYTHING, ANYTHING], needs: 1, must: true, says: 'a relay and, for one way only, read or write' }]
})
