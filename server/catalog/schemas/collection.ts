// The published schema of a collection: kind 30005, a video curation set (NIP-51), whose members are `a` tags of film titles.

import { ANYTHING, HTTP_URL, STATUS, TEXT, addressIn, eventSchema } from './event-schema.ts'

export const COLLECTION_SCHEMA = eventSchema({
  file: 'collection.json',
  title: 'Collection of films',
  description: 'Films by their addresses, in order; what else a NIP-51 set may hold is not looked at.',
  kinds: [30005],
  tags: [
    { name: 'd', values: [TEXT], must: true, once: true, says: 'an opaque id' },
    { name: 'title', values: [TEXT], once: true, says: 'the name of the collection' },
    { name: 'description', values: [ANYTHING], once: true, says: 'a text' },
    { name: 'image', values: [HTTP_URL], once: true, says: 'the URL of a picture' },
    { name: 'a', values: [addressIn([34235, 34236]), ANYTHING], needs: 1, says: 'the address of a film title and a relay' },
    { name: 'status', values: [STATUS], once: true, says: 'published or withdrawn' },
    { name: 'reason', values: [TEXT], once: true, says: 'why it was withdrawn' }
  ],
  standing: [{ name: 'title', must: true, says: 'the name of the collection' }]
})
