// The published schema of a release: kind 30063 (NIP-51, NIP-82 draft), with the rules of zapstore's relay.

import { ANYTHING, HEX64, TEXT, WHOLE, addressIn, eventSchema } from './event-schema.ts'

export const RELEASE_SCHEMA = eventSchema({
  file: 'release.json',
  title: 'Release',
  description: 'One version of an application on one channel, and the artifacts of it.',
  kinds: [30063],
  tags: [
    { name: 'd', values: [TEXT], must: true, once: true, says: 'application@version' },
    { name: 'i', values: [TEXT], must: true, once: true, says: 'the id of the application' },
    { name: 'version', values: [TEXT], must: true, once: true, says: 'the version' },
    { name: 'c', values: [TEXT], must: true, once: true, says: 'the channel' },
    { name: 'e', values: [HEX64, ANYTHING], needs: 1, must: true, says: 'the id of an artifact event' },
    { name: 'a', values: [addressIn([32267]), ANYTHING], needs: 1, once: true, says: 'the address of the application' },
    { name: 'manifest', values: [HEX64, HEX64, WHOLE], once: true, says: 'sha256, BLAKE3 and bytes of the release manifest' },
    { name: 'sequence', values: [WHOLE], once: true, says: 'a whole number that only grows' }
  ]
})
