// The published schema of a release's file: kind 3063 (NIP-82 draft), with the rules of zapstore's relay.

import { HEX64, HTTP_URL, MEDIA_TYPE, TEXT, WHOLE, eventSchema } from './event-schema.ts'

export const ARTIFACT_SCHEMA = eventSchema({
  file: 'artifact.json',
  title: 'Release artifact',
  description: 'One file of a release for one or more platforms.',
  kinds: [3063],
  content: { const: '', description: 'the content of an artifact is empty' },
  tags: [
    { name: 'i', values: [TEXT], must: true, once: true, says: 'the id of the application' },
    // a second one, for BLAKE3, is refused by zapstore's parser: hence a tag of its own
    { name: 'x', values: [HEX64], must: true, once: true, says: 'the sha256 of the file' },
    { name: 'version', values: [TEXT], must: true, once: true, says: 'the version' },
    { name: 'm', values: [MEDIA_TYPE], must: true, once: true, says: 'the media type' },
    { name: 'size', values: [WHOLE], must: true, once: true, says: 'bytes' },
    { name: 'f', values: [TEXT], must: true, says: 'a platform, as linux-x86_64' },
    { name: 'url', values: [HTTP_URL], says: 'where the file is' },
    { name: 'blake3', values: [HEX64], once: true, says: 'the BLAKE3 of the file' },
    { name: 'component', values: [TEXT], once: true, says: 'which part of the application it is' },
    { name: 'version_code', values: [TEXT], once: true, says: 'Android\'s number of the version' },
    { name: 'apk_certificate_hash', values: [TEXT], says: 'the hash of the certificate' }
  ]
})
