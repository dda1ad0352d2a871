// A film title: kind 34235, or 34236 for portrait shorts (NIP-71), with tags that name the film's manifest blob, its hash sequence and its
// aggregate hash (docs/events.md). It is withdrawn by a newer version whose status says so. NIP-71's `segment` tag is a chapter: never read. Pure.

import { CatalogFault } from '../faults.ts'
import { checkSchema } from '../schema-check.ts'
import { TITLE_SCHEMA } from '../schemas/title.ts'
import { checkUrl, maybe, serversOf, tagsNamed, valueOf, valuesOf, whole, wholeOf } from '../tags.ts'
import { buildMedia, parseMedia } from './media.ts'
import type { EventDraft, SignedEvent } from '../../auth/signature.ts'
import type { Media } from './media.ts'

export const TITLE_KIND = 34235
export const SHORT_TITLE_KIND = 34236
export const MANIFEST_TYPE = 'application/vnd.indeehub.film+json'

export interface TitlePerson {
  pubkey: string
  relay: string | null
  /** As `director`. */
  role: string | null
}

export interface Title {
  kind: typeof TITLE_KIND | typeof SHORT_TITLE_KIND
  d: string
  status: 'published' | 'withdrawn'
  /** Empty on a withdrawn one at most. */
  title: string
  synopsis: string
  /** For a client that does not know the kind. */
  alt: string | null
  /** Unix seconds. */
  publishedAt: number | null
  /** Seconds. */
  duration: number | null
  topics: string[]
  /** Names elsewhere, as `imdb:tt15239678`. */
  externalIds: string[]
  people: TitlePerson[]
  /** In order: the first is what any client can play. */
  media: Media[]
  manifest: { sha256: string, blake3: string, size: number, type: string } | null
  hashSequence: { blake3: string, sha256: string, count: number } | null
  /** One exact encode, whoever publishes it (NIP-5A's rule). */
  aggregate: string | null
  /** Sha256 of the master playlist. */
  master: string | null
  /** Null: a free film. */
  access: { scheme: string, url: string } | null
  /** Origins of Blossom servers, in order. */
  servers: string[]
  /** Why it was withdrawn. */
  reason: string | null
}

/** What a live title is built from; every list and optional fact may be left out. */
export type TitleFacts = Pick<Title, 'd' | 'title'> & { manifest: Omit<NonNullable<Title['manifest']>, 'type'> } & Partial<Omit<Title, 'status' | 'reason' | 'manifest'>>

/** Throws CatalogFault. */
export function parseTitle (event: SignedEvent): Title {
  checkSchema(TITLE_SCHEMA, event)
  const { tags } = event
  const withdrawn = valueOf(tags, 'status') === 'withdrawn'
  const [, access, accessUrl] = tagsNamed(tags, 'access')[0] ?? []
  const manifest = withdrawn ? null : manifestOf(tags)
  const title: Title = {
    kind: event.kind as Title['kind'],
    d: valueOf(tags, 'd')!,
    status: withdrawn ? 'withdrawn' : 'published',
    title: valueOf(tags, 'title') ?? '',
    synopsis: event.content,
    alt: valueOf(tags, 'alt'),
    publishedAt: wholeOf(tags, 'published_at'),
    duration: valueOf(tags, 'duration') === null ? null : Number(valueOf(tags, 'duration')),
    topics: valuesOf(tags, 't'),
    externalIds: valuesOf(tags, 'i'),
    people: tagsNamed(tags, 'p').map(([, pubkey, relay, role]) => ({ pubkey: pubkey!, relay: relay || null, role: role || null })),
    media: withdrawn ? [] : tagsNamed(tags, 'imeta').map(parseMedia),
    manifest,
    hashSequence: withdrawn ? null : hashSequenceOf(tags),
    aggregate: withdrawn ? null : hashIn(tags, 'aggregate'),
    master: withdrawn ? null : hashIn(tags, 'master'),
    access: access === undefined || withdrawn ? null : { scheme: access, url: checkUrl('access', accessUrl!) },
    servers: serversOf(tags),
    reason: valueOf(tags, 'reason')
  }
  // relays index x and nothing else that names the manifest: one that says otherwise would be found by a hash it does not have
  if (manifest !== null && hashIn(tags, 'manifest') !== manifest.sha256) {
    throw new CatalogFault('TAGS_DISAGREE', 'one x tag, marked manifest, has the sha256 of the manifest tag')
  }
  return title
}

function manifestOf (tags: readonly string[][]): Title['manifest'] {
  const [, sha256, blake3, size, type = MANIFEST_TYPE] = tagsNamed(tags, 'manifest')[0]!
  return { sha256: sha256!, blake3: blake3!, size: whole(size!, 'manifest'), type }
}

function hashSequenceOf (tags: readonly string[][]): Title['hashSequence'] {
  const [, blake3, sha256, count] = tagsNamed(tags, 'hashseq')[0] ?? []
  return blake3 === undefined ? null : { blake3, sha256: sha256!, count: whole(count!, 'hashseq') }
}

/** The sha256 of the `x` tag with this mark; null without one. Throws TAG_REPEATED: which of two would it be? */
function hashIn (tags: readonly string[][], mark: string): string | null {
  const found = new Set(tagsNamed(tags, 'x').filter((tag) => tag[2] === mark).map((tag) => tag[1]!))
  if (found.size > 1) throw new CatalogFault('TAG_REPEATED', `x of ${mark}`)
  return found.values().next().value ?? null
}

/** A live title to be signed (signTemplate also asks the parser); `createdAt` in Unix seconds. */
export function buildTitle (facts: TitleFacts, createdAt: number): EventDraft {
  const { kind = TITLE_KIND, d, title, manifest, hashSequence, access } = facts
  return {
    kind,
    created_at: createdAt,
    content: facts.synopsis ?? '',
    tags: [
      ['d', d],
      ['title', title],
      ...maybe('published_at', facts.publishedAt),
      ['alt', facts.alt ?? `Film: ${title}`],
      ...maybe('duration', facts.duration),
      ...(facts.topics ?? []).map((topic) => ['t', topic]),
      ...(facts.externalIds ?? []).map((id) => ['i', id]),
      ...(facts.people ?? []).map(({ pubkey, relay, role }) => ['p', pubkey, relay ?? '', role ?? '']),
      ...(facts.media ?? []).map(buildMedia),
      ['manifest', manifest.sha256, manifest.blake3, String(manifest.size), MANIFEST_TYPE],
      ...(hashSequence == null ? [] : [['hashseq', hashSequence.blake3, hashSequence.sha256, String(hashSequence.count)]]),
      // a relay indexes the first value alone: the third element tells which hash it is
      ['x', manifest.sha256, 'manifest'],
      ...(facts.aggregate == null ? [] : [['x', facts.aggregate, 'aggregate']]),
      ...(facts.master == null ? [] : [['x', facts.master, 'master']]),
      ...(access == null ? [] : [['access', access.scheme, access.url]]),
      ...(facts.servers ?? []).map((server) => ['server', server]),
      ['status', 'published']
    ]
  }
}

/** The version that takes a title back: every relay replaces, not every relay deletes. Kind 5 follows it (kinds/withdrawal.ts). */
export function buildWithdrawnTitle ({ kind, d, title }: Pick<Title, 'kind' | 'd' | 'title'>, reason: string | null, createdAt: number): EventDraft {
  return {
    kind,
    created_at: createdAt,
    content: '',
    tags: [['d', d], ...(title === '' ? [] : [['title', title]]), ['alt', 'A film that was withdrawn'], ['status', 'withdrawn'], ...maybe('reason', reason)]
  }
}
