// What is read of a relay once for each trust bundle: events of theirs that came before the bundle that lists them were refused, and may be
// refused for no other reason than that. A topic's name is that of its bundle, so another is read anew. Pure.

import { hash } from 'node:crypto'
import { APPLICATION_DATA_KIND } from '../kinds/application-data.ts'
import { APPLICATION_KIND } from '../kinds/application.ts'
import { ARTIFACT_KIND } from '../kinds/artifact.ts'
import { RELEASE_KIND } from '../kinds/release.ts'
import type { Topic } from '../follower.ts'

/** Authors of one filter: relays have limits of their own. */
const TOGETHER = 50

/** @param keys 64 hex digits each, sorted @param versions of the bundles that list them: each may know other keys of pointers */
export function releaseTopics (keys: readonly string[], versions: readonly number[]): Topic[] {
  const topics: Topic[] = []
  for (let from = 0; from < keys.length; from += TOGETHER) {
    const authors = keys.slice(from, from + TOGETHER)
    topics.push({
      name: `releases:${hash('sha256', [...versions, ...authors].join()).slice(0, 16)}`, reach: null,
      filter: { kinds: [APPLICATION_KIND, RELEASE_KIND, ARTIFACT_KIND, APPLICATION_DATA_KIND], authors }
    })
  }
  return topics
}
