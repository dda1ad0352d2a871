// JSON Schemas (draft 2020-12) of film.json and keys.json in a build folder. Closed: a member that they do not name is for a later version. Pure.

const HEX64 = { type: 'string', pattern: '^[0-9a-f]{64}$' }
const SIZE = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER }
const NAME = { type: 'string', pattern: '^[0-9a-f]{64}\\.[a-z0-9]{1,8}$' }
const TEXT = { type: 'string' }

function closed (properties: Record<string, unknown>): Record<string, unknown> {
  return { type: 'object', required: Object.keys(properties), additionalProperties: false, properties }
}

const REF = { sha256: HEX64, blake3: HEX64, size: SIZE }

export const FILM_BUILD_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: '/schemas/film-build.json',
  title: 'Film build',
  description: 'A film that is encoded, encrypted and named by hash, and not yet published.',
  ...closed({
    schema: { const: 'marquee.film-build/1' },
    d: { type: 'string', minLength: 1, maxLength: 200 },
    pubkey: HEX64,
    encrypted: { type: 'boolean' },
    duration_ms: SIZE,
    source: closed({ path: TEXT, size: SIZE, mtime_ms: { type: 'number' } }),
    recipe: HEX64,
    built_at: SIZE,
    text: closed({ title: { type: 'string', minLength: 1 }, summary: TEXT, topics: { type: 'array', items: TEXT }, language: { type: ['string', 'null'] } }),
    files: {
      type: 'array',
      items: closed({
        ...REF,
        type: TEXT,
        name: NAME,
        role: { enum: ['segment', 'init', 'playlist', 'master', 'manifest', 'hashseq', 'poster', 'trailer', 'subs'] },
        rendition: { type: ['string', 'null'] }
      })
    },
    manifest: closed(REF),
    hashseq: closed({ blake3: HEX64, sha256: HEX64, count: SIZE }),
    master: closed(REF),
    aggregate: HEX64,
    event: closed({ kind: { enum: [34235, 34236] }, content: TEXT, tags: { type: 'array', items: { type: 'array', items: TEXT } } })
  })
}

export const FILM_KEYS_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: '/schemas/film-keys.json',
  title: 'Film keys',
  description: 'The secret of a film and the keys made of it, for its creator alone.',
  ...closed({
    schema: { const: 'marquee.film-keys/1' },
    d: { type: 'string', minLength: 1, maxLength: 200 },
    pubkey: HEX64,
    secret: HEX64,
    keys: {
      type: 'array',
      items: closed({ id: { type: 'string', pattern: '^[0-9a-f]{16}$' }, rendition: TEXT, key: { type: 'string', pattern: '^[0-9a-f]{32}$' } })
    }
  })
}
