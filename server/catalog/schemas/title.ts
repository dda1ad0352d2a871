// The published schema of a film title: kinds 34235 and 34236 (NIP-71) with the tags that name the film's blobs (docs/events.md).

import { ANYTHING, HEX64, HTTP_URL, MEDIA_TYPE, STATUS, TEXT, WHOLE, eventSchema } from './event-schema.ts'

export const TITLE_SCHEMA = eventSchema({
  file: 'title.json',
  title: 'Film title',
  description: 'A film, addressed by its creator and an opaque id; its manifest blob lists every other blob of it.',
  kinds: [34235, 34236],
  tags: [
    { name: 'd', values: [TEXT], must: true, once: true, says: 'an opaque id that stays when the encode changes' },
    { name: 'title', values: [TEXT], once: true, says: 'the name of the film' },
    { name: 'published_at', values: [WHOLE], once: true, says: 'unix seconds' },
    { name: 'duration', values: [{ type: 'string', pattern: '^[0-9]{1,9}(\\.[0-9]{1,9})?$' }], once: true, says: 'seconds' },
    { name: 't', values: [TEXT], says: 'a topic' },
    { name: 'i', values: [TEXT], says: 'a name elsewhere, as imdb:tt15239678' },
    { name: 'p', values: [HEX64, ANYTHING, ANYTHING], needs: 1, says: 'a key, a relay and a role' },
    { name: 'imeta', values: [{ type: 'string', pattern: '^[a-z0-9_-]+ .+$' }], says: 'a file in words like "url https://…", NIP-92' },
    { name: 'manifest', values: [HEX64, HEX64, WHOLE, MEDIA_TYPE], needs: 3, once: true, says: 'sha256, BLAKE3, bytes and media type of the manifest blob' },
    { name: 'hashseq', values: [HEX64, HEX64, WHOLE], once: true, says: 'BLAKE3, sha256 and count of the hash sequence blob' },
    { name: 'x', values: [HEX64, TEXT], needs: 1, says: 'a sha256 and what it is of' },
    { name: 'access', values: [TEXT, HTTP_URL], once: true, says: 'a way of asking and the URL of the keys' },
    { name: 'server', values: [HTTP_URL], says: 'a Blossom server' },
    { name: 'sealed', values: [TEXT], once: true, says: 'the sha256 of the sealed keys, sealed to the creator' },
    { name: 'status', values: [STATUS], once: true, says: 'published or withdrawn' },
    { name: 'reason', values: [TEXT], once: true, says: 'why it was withdrawn' }
  ],
  standing: [
    { name: 'title', must: true, says: 'the name of the film' },
    { name: 'manifest', must: true, says: 'the manifest blob' },
    { name: 'x', must: true, says: 'the sha256 of the manifest at least' }
  ]
})
