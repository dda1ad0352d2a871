// The published schema of a list of Blossom servers: kind 10063 (BUD-03, NIP-B7).

import { ANYTHING, eventSchema } from './event-schema.ts'

export const SERVER_LIST_SCHEMA = eventSchema({
  file: 'server-list.json',
  title: 'Blossom server list',
  description: 'The servers of a key, most trusted first.',
  kinds: [10063],
  // others write what they like here: a reader skips what is no URL, and needs one that is
  tags: [{ name: 'server', values: [ANYTHING], must: true, says: 'the URL of a server' }]
})
