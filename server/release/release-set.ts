// Everything that a node needs to verify a release, in one file or answer: the documents as text, since their bytes are what is signed. The set itself
// is nobody's word and signed by nobody. Pure.

import { canonicalText, parseLoose } from './canonical.ts'
import { checkAgainst } from './document-check.ts'
import { BUNDLE_LIMIT } from './trust-bundle.ts'
import { POINTER_LIMIT } from './latest-pointer.ts'
import { RELEASE_MANIFEST_LIMIT } from './manifest-v2.ts'
import { OLDER_LIMIT } from './verify-trust.ts'
import { APP, CHANNEL } from './schemas/words.ts'

export const RELEASE_SET_NAME = 'marquee.release-set/1'

/** Bytes. */
export const RELEASE_SET_LIMIT = 8 * 1024 * 1024

export interface ReleaseSet {
  app: string
  channel: string
  bundle: Uint8Array | null
  /** Earlier bundles by which a node walks to the present root, oldest first. */
  older: Uint8Array[]
  pointer: Uint8Array | null
  manifest: Uint8Array | null
  /** Parsed JSON of the Nostr copy. */
  events: unknown[]
}

const textOf = (limit: number) => ({ anyOf: [{ type: 'string', maxLength: limit + 1 }, { type: 'null' }] })

const RELEASE_SET_SCHEMA = {
  type: 'object',
  required: ['schema', 'app', 'channel', 'bundle', 'pointer', 'manifest'],
  properties: {
    schema: { const: RELEASE_SET_NAME },
    app: APP,
    channel: CHANNEL,
    bundle: textOf(BUNDLE_LIMIT),
    older: { type: 'array', maxItems: OLDER_LIMIT, items: { type: 'string', maxLength: BUNDLE_LIMIT } },
    pointer: textOf(POINTER_LIMIT),
    manifest: textOf(RELEASE_MANIFEST_LIMIT),
    events: { type: 'array', maxItems: 1000 }
  }
}

/** Says nothing of the documents. Throws DOCUMENT_TOO_LARGE, DOCUMENT_UNREADABLE, DOCUMENT_TOO_DEEP, MEMBER_REPEATED, NUMBER_INVALID or SET_INVALID. */
export function parseReleaseSet (bytes: Uint8Array): ReleaseSet {
  const value = parseLoose(bytes, RELEASE_SET_LIMIT)
  checkAgainst({ schema: RELEASE_SET_SCHEMA, fault: 'SET_INVALID' }, value)
  const { app, channel, bundle, older = [], pointer, manifest, events = [] } = value as {
    app: string, channel: string, bundle: string | null, older?: string[], pointer: string | null, manifest: string | null, events?: unknown[]
  }
  const bytesOf = (text: string | null): Buffer | null => text === null ? null : Buffer.from(text)
  return { app, channel, bundle: bytesOf(bundle), older: older.map((text) => Buffer.from(text)), pointer: bytesOf(pointer), manifest: bytesOf(manifest), events }
}

/** As canonical JSON. */
export function buildReleaseSet ({ app, channel, bundle, older, pointer, manifest, events }: ReleaseSet): Buffer {
  const textOrNull = (bytes: Uint8Array | null): string | null => bytes === null ? null : Buffer.from(bytes).toString('utf8')
  return Buffer.from(canonicalText({
    schema: RELEASE_SET_NAME, app, channel, bundle: textOrNull(bundle), older: older.map((each) => Buffer.from(each).toString('utf8')), pointer: textOrNull(pointer),
    manifest: textOrNull(manifest), events
  }))
}
