// The published schemas of release events: 32267, 30063 and 3063 (NIP-82 draft), with the rules of zapstore's relay, so that it takes ours.

import { ANYTHING, HEX64, HTTP_URL, MEDIA_TYPE, TEXT, WHOLE, addressIn, eventSchema } from './event-schema.ts'

export const APPLICATION_SCHEMA = eventSchema({
  file: 'application.json',
  title: 'Application',
  description: 'A program that releases are made of.',
  kinds: [32267],
  tags: [
    { name: 'd', values: [TEXT], must: true, once: true, says: 'the id of the application, as org.archipelago.node' },
    { name: 'name', values: [TEXT], must: true, once: true, says: 'the name people read' },
    { name: 'f', values: [TEXT], must: true, says: 'a platform, as linux-x86_64' },
    { name: 'summary', values: [ANYTHING], once: true, says: 'a text' },
    { name: 'icon', values: [HTTP_URL], once: true, says: 'the URL of a picture' },
    { name: 'repository', values: [ANYTHING], once: true, says: 'the URL of the source' },
    { name: 'license', values: [ANYTHING], once: true, says: 'an SPDX name' }
  ]
})

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
