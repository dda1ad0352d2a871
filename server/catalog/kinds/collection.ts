// A collection: kind 30005, NIP-51's video curation set, of film titles by their addresses. NIP-51 names `e` tags of kind 21 there; ours are `a`
// tags, and what else stands in a set is skipped. Pure.

import { readAddress } from '../address.ts'
import { CatalogFault } from '../faults.ts'
import { checkSchema } from '../schema-check.ts'
import { COLLECTION_SCHEMA } from '../schemas/collection.ts'
import { maybe, tagsNamed, valueOf } from '../tags.ts'
import type { EventDraft, SignedEvent } from '../../auth/signature.ts'

export const COLLECTION_KIND = 30005

export interface Collection {
  d: string
  status: 'published' | 'withdrawn'
  /** Empty on a withdrawn one at most. */
  title: string
  description: string | null
  image: string | null
  /** `kind:pubkey:d` of titles, in order, each once. */
  titles: string[]
  reason: string | null
}

/** Throws CatalogFault. */
export function parseCollection (event: SignedEvent): Collection {
  checkSchema(COLLECTION_SCHEMA, event)
  const { tags } = event
  const withdrawn = valueOf(tags, 'status') === 'withdrawn'
  const titles = tagsNamed(tags, 'a').map(([, address]) => {
    if (readAddress(address!) === null || address!.endsWith(':')) throw new CatalogFault('TAG_INVALID', 'a must be the address of a film title')
    return address!
  })
  return {
    d: valueOf(tags, 'd')!,
    status: withdrawn ? 'withdrawn' : 'published',
    title: valueOf(tags, 'title') ?? '',
    description: valueOf(tags, 'description'),
    image: valueOf(tags, 'image'),
    titles: withdrawn ? [] : [...new Set(titles)],
    reason: valueOf(tags, 'reason')
  }
}

/** `createdAt` in Unix seconds. */
export function buildCollection (facts: Pick<Collection, 'd' | 'title'> & Partial<Collection>, createdAt: number): EventDraft {
  const { d, title, description, image, titles = [] } = facts
  return {
    kind: COLLECTION_KIND,
    created_at: createdAt,
    content: '',
    tags: [['d', d], ['title', title], ...maybe('description', description), ...maybe('image', image), ...titles.map((address) => ['a', address]), ['status', 'published']]
  }
}

/** The version that takes a collection back; kind 5 follows it. */
export function buildWithdrawnCollection ({ d, title }: Pick<Collection, 'd' | 'title'>, reason: string | null, createdAt: number): EventDraft {
  return {
    kind: COLLECTION_KIND,
    created_at: createdAt,
    content: '',
    tags: [['d', d], ...(title === '' ? [] : [['title', title]]), ['status', 'withdrawn'], ...maybe('reason', reason)]
  }
}
