// The published schema of an application: kind 32267 (NIP-82 draft), with the rules of zapstore's relay.

import { ANYTHING, HTTP_URL, TEXT, eventSchema } from './event-schema.ts'

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
