// The published schema of a withdrawal: kind 5 (NIP-09).

import { HEX64, eventSchema } from './event-schema.ts'

export const WITHDRAWAL_SCHEMA = eventSchema({
  file: 'withdrawal.json',
  title: 'Withdrawal',
  description: 'Its author takes back events, by id and by address; the content is the reason.',
  kinds: [5],
  either: ['e', 'a'],
  tags: [
    { name: 'e', values: [HEX64], says: 'the id of an event' },
    { name: 'a', values: [{ type: 'string', pattern: '^[0-9]{1,5}:[0-9a-f]{64}:' }], says: 'an address, kind:pubkey:d' },
    { name: 'k', values: [{ type: 'string', pattern: '^[0-9]{1,5}$' }], says: 'a kind' }
  ]
})
