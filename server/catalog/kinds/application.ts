// An application that releases are made of: kind 32267 (NIP-82 draft), as zapstore's relay takes it. Pure.

import { checkSchema } from '../schema-check.ts'
import { APPLICATION_SCHEMA } from '../schemas/application.ts'
import { maybe, valueOf, valuesOf } from '../tags.ts'
import { platformTags, platformsOf } from './platforms.ts'
import type { EventDraft, SignedEvent } from '../../auth/signature.ts'

export const APPLICATION_KIND = 32267

export interface Application {
  /** As `org.archipelago.node`. */
  app: string
  name: string
  platforms: string[]
  summary: string | null
  icon: string | null
  repository: string | null
  license: string | null
  topics: string[]
  /** Markdown. */
  description: string
}

/** Throws CatalogFault. */
export function parseApplication (event: SignedEvent): Application {
  checkSchema(APPLICATION_SCHEMA, event)
  const { tags, content } = event
  return {
    app: valueOf(tags, 'd')!,
    name: valueOf(tags, 'name')!,
    platforms: platformsOf(tags),
    summary: valueOf(tags, 'summary'),
    icon: valueOf(tags, 'icon'),
    repository: valueOf(tags, 'repository'),
    license: valueOf(tags, 'license'),
    topics: valuesOf(tags, 't'),
    description: content
  }
}

/** `createdAt` in Unix seconds. Throws TAG_INVALID. */
export function buildApplication (facts: Pick<Application, 'app' | 'name' | 'platforms'> & Partial<Application>, createdAt: number): EventDraft {
  const { app, name, platforms, summary, icon, repository, license, topics = [], description = '' } = facts
  return {
    kind: APPLICATION_KIND,
    created_at: createdAt,
    content: description,
    tags: [
      ['d', app], ['i', app], ['name', name], ...platformTags(platforms), ...maybe('summary', summary), ...maybe('icon', icon),
      ...maybe('repository', repository), ...maybe('license', license), ...topics.map((topic) => ['t', topic])
    ]
  }
}
