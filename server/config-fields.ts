// The one table of what can be configured: its place in the file, its environment name, its default and its schema.
// Design §6; the rows of docs/config.md and the keys of config.example.json are these (a test compares them).

/** How the text of an environment variable becomes what the file would say; text it cannot turn stays text, and the schema refuses it. */
export type Reading = 'text' | 'number' | 'switch' | 'list'

export interface Field {
  /** Place in the file, by dots. */
  key: string
  /** As the file would say it. */
  fallback: unknown
  /** JSON schema; `becomes` names one of MEANINGS (it checks the value and replaces it), a trailing `?` lets null pass. */
  schema: object
  env?: string
  reading?: Reading
  secret?: true
  /** A change takes effect while the server runs, at the next SIGHUP; any other waits for a restart. Who reads it follows settings.ts. */
  live?: true
}

const bool = { type: 'boolean' }
const secretText = { type: 'string', nullable: true, minLength: 1 }
const rate = { type: 'integer', minimum: 1, nullable: true }
const count = { type: 'integer', minimum: 1 }
const program = { type: 'string', minLength: 1 }
const amount = { type: 'integer', minimum: 0, nullable: true }
const pubkeys = { type: 'array', items: { becomes: 'pubkey' } }
const types = { type: 'array', minItems: 1, items: { becomes: 'mediaType' } }
const policyRule = {
  type: 'object',
  minProperties: 1,
  additionalProperties: false,
  properties: {
    pubkeys: { ...pubkeys, minItems: 1 },
    types,
    maxSize: { becomes: 'size' },
    deny: { type: 'string', minLength: 1 },
  },
}

const retentionRule = {
  type: 'object',
  minProperties: 1,
  additionalProperties: false,
  properties: { types, pubkeys: { ...pubkeys, minItems: 1 }, minSize: { becomes: 'size' }, keep: { becomes: 'duration' }, keepUnread: { becomes: 'duration' } },
}

export const FIELDS: readonly Field[] = [
  { key: 'host', env: 'HOST', fallback: '127.0.0.1', schema: { becomes: 'host' } },
  { key: 'port', env: 'PORT', reading: 'number', fallback: 3000, schema: { type: 'integer', minimum: 0, maximum: 65535 } },
  { key: 'publicUrl', env: 'PUBLIC_URL', fallback: null, schema: { becomes: 'origin?' } },
  { key: 'aliases', fallback: [], schema: { type: 'array', items: { becomes: 'alias' } }, live: true },
  { key: 'dataDir', env: 'DATA_DIR', fallback: './data', schema: { becomes: 'folder' } },
  { key: 'store', env: 'STORE', fallback: 'fs', schema: { enum: ['fs', 'minio'] } },
  { key: 'minio.endpoint', env: 'MINIO_ENDPOINT', fallback: null, schema: { becomes: 'origin?' } },
  { key: 'minio.accessKey', env: 'MINIO_ACCESS_KEY', fallback: null, schema: secretText, secret: true },
  { key: 'minio.secretKey', env: 'MINIO_SECRET_KEY', fallback: null, schema: secretText, secret: true },
  {
    key: 'minio.bucket',
    env: 'MINIO_BUCKET',
    fallback: 'marquee',
    // S3: 3 to 63 lowercase letters, digits, dots and hyphens, a letter or digit at both ends.
    schema: { type: 'string', pattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$' },
  },
  { key: 'minio.region', env: 'MINIO_REGION', fallback: 'us-east-1', schema: { type: 'string', minLength: 1 } },
  { key: 'relays', env: 'RELAYS', reading: 'list', fallback: [], schema: { type: 'array', items: { becomes: 'relay' } } },
  { key: 'nodeKey', env: 'NODE_KEY', fallback: null, schema: { becomes: 'secretKey?' }, secret: true },
  { key: 'uploadPubkeys', env: 'UPLOAD_PUBKEYS', reading: 'list', fallback: [], schema: pubkeys, live: true },
  { key: 'readPubkeys', env: 'READ_PUBKEYS', reading: 'list', fallback: [], schema: pubkeys, live: true },
  { key: 'adminPubkeys', env: 'ADMIN_PUBKEYS', reading: 'list', fallback: [], schema: pubkeys, live: true },
  { key: 'probeProviders', env: 'PROBE_PROVIDERS', reading: 'switch', fallback: false, schema: bool },
  { key: 'titlePubkeys', env: 'TITLE_PUBKEYS', reading: 'list', fallback: [], schema: pubkeys },
  { key: 'releaseRoot', env: 'RELEASE_ROOT', reading: 'list', fallback: [], schema: { type: 'array', items: { becomes: 'hex64' } } },
  { key: 'timestampKey', env: 'TIMESTAMP_KEY', fallback: null, schema: secretText, secret: true },
  { key: 'maxBlobSize', env: 'MAX_BLOB_SIZE', fallback: '64GiB', schema: { becomes: 'blobSize' }, live: true },
  { key: 'maxKeyBytes', env: 'MAX_KEY_BYTES', fallback: null, schema: { becomes: 'size?' }, live: true },
  { key: 'maxKeyBlobs', env: 'MAX_KEY_BLOBS', reading: 'number', fallback: null, schema: amount, live: true },
  { key: 'maxStoreBytes', env: 'MAX_STORE_BYTES', fallback: null, schema: { becomes: 'size?' }, live: true },
  { key: 'maxStoreBlobs', env: 'MAX_STORE_BLOBS', reading: 'number', fallback: null, schema: amount, live: true },
  { key: 'diskReserve', env: 'DISK_RESERVE', fallback: null, schema: { becomes: 'size?' }, live: true },
  { key: 'maxUploads', env: 'MAX_UPLOADS', reading: 'number', fallback: 64, schema: { type: 'integer', minimum: 1 }, live: true },
  { key: 'maxWaitingUploads', env: 'MAX_WAITING_UPLOADS', reading: 'number', fallback: 1024, schema: { type: 'integer', minimum: 0 }, live: true },
  { key: 'inlineLimit', fallback: 4096, schema: { becomes: 'inlineSize' } },
  { key: 'mirrorAllowPrivate', env: 'MIRROR_ALLOW_PRIVATE', reading: 'switch', fallback: false, schema: bool, live: true },
  { key: 'fillMisses', env: 'FILL_MISSES', reading: 'switch', fallback: false, schema: bool },
  { key: 'rateLimit', env: 'RATE_LIMIT', reading: 'switch', fallback: true, schema: bool, live: true },
  { key: 'trustedProxies', env: 'TRUSTED_PROXIES', reading: 'list', fallback: [], schema: { type: 'array', items: { becomes: 'network' } }, live: true },
  { key: 'rates.keyChanges', fallback: 1200, schema: rate, live: true },
  { key: 'rates.addressChanges', fallback: 1200, schema: rate, live: true },
  { key: 'rates.addressAsks', fallback: 6000, schema: rate, live: true },
  { key: 'rates.failedTokens', fallback: 120, schema: rate, live: true },
  { key: 'rates.addressFilmKeys', fallback: 600, schema: rate, live: true },
  { key: 'rates.keyFilmKeys', fallback: 120, schema: rate, live: true },
  { key: 'maxTitleKeys', env: 'MAX_TITLE_KEYS', reading: 'number', fallback: 64, schema: { type: 'integer', minimum: 0 }, live: true },
  { key: 'maxCreatorKeys', env: 'MAX_CREATOR_KEYS', reading: 'number', fallback: 20_000, schema: { type: 'integer', minimum: 0 }, live: true },
  {
    key: 'logLevel',
    env: 'LOG_LEVEL',
    fallback: 'info',
    schema: { enum: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] },
    live: true,
  },
  { key: 'idleTimeout', env: 'IDLE_TIMEOUT', fallback: 30, schema: { becomes: 'seconds' }, live: true },
  { key: 'shutdownTimeout', fallback: 30, schema: { becomes: 'seconds' }, live: true },
  { key: 'workers', env: 'WORKERS', reading: 'number', fallback: 1, schema: { type: 'integer', minimum: 1 } },
  {
    key: 'metricsToken',
    env: 'METRICS_TOKEN',
    fallback: null,
    // A bearer token with a space or beyond ASCII could never arrive in a header.
    schema: { type: 'string', nullable: true, pattern: '^[\\x21-\\x7e]+$' },
    secret: true,
    live: true,
  },
  { key: 'cacheSize', env: 'CACHE_SIZE', fallback: '64MiB', schema: { becomes: 'size' } },
  { key: 'scrubRate', env: 'SCRUB_RATE', fallback: '8MiB', schema: { becomes: 'size?' } },
  { key: 'scrubEvery', env: 'SCRUB_EVERY', fallback: 604800, schema: { becomes: 'seconds' } },
  { key: 'mirrors', env: 'MIRRORS', reading: 'list', fallback: [], schema: { type: 'array', items: { becomes: 'origin' } } },
  { key: 'offload.mode', env: 'OFFLOAD', fallback: 'off', schema: { enum: ['off', 'x-accel', 'redirect'] } },
  {
    key: 'offload.prefix',
    env: 'OFFLOAD_PREFIX',
    fallback: '/_marquee/packs/',
    // It is put before a file's name: slash to slash, and nothing nginx would have to decode.
    schema: { type: 'string', pattern: '^/([A-Za-z0-9_-][A-Za-z0-9._-]*/)+$' },
  },
  {
    key: 'offload.secret',
    env: 'OFFLOAD_SECRET',
    fallback: null,
    // It travels in a header; short ones can be guessed.
    schema: { type: 'string', nullable: true, pattern: '^[\\x21-\\x7e]{16,}$' },
    secret: true,
  },
  { key: 'offload.endpoint', env: 'OFFLOAD_ENDPOINT', fallback: null, schema: { becomes: 'origin?' } },
  { key: 'media.enabled', env: 'MEDIA', reading: 'switch', fallback: true, schema: bool, live: true },
  { key: 'media.maxSize', env: 'MEDIA_MAX_SIZE', fallback: '2GiB', schema: { becomes: 'blobSize' }, live: true },
  { key: 'media.maxPixels', fallback: 100_000_000, schema: count, live: true },
  { key: 'media.maxSide', fallback: 2560, schema: { type: 'integer', minimum: 16, maximum: 16383 }, live: true },
  { key: 'media.format', fallback: 'webp', schema: { enum: ['webp', 'same'] }, live: true },
  { key: 'media.jobs', fallback: 2, schema: count, live: true },
  { key: 'media.waiting', fallback: 16, schema: { type: 'integer', minimum: 0 }, live: true },
  { key: 'media.time', fallback: 120, schema: { becomes: 'seconds' }, live: true },
  { key: 'media.memory', fallback: '1GiB', schema: { becomes: 'blobSize' }, live: true },
  { key: 'media.ffmpeg', fallback: 'ffmpeg', schema: program, live: true },
  { key: 'media.ffprobe', fallback: 'ffprobe', schema: program, live: true },
  { key: 'foreignBlobs', env: 'FOREIGN_BLOBS', reading: 'switch', fallback: false, schema: bool },
  { key: 'allowListOnly', fallback: false, schema: bool, live: true },
  { key: 'anonymousUploads', fallback: false, schema: bool, live: true },
  { key: 'list', fallback: 'owner', schema: { enum: ['owner', 'public', 'off'] }, live: true },
  { key: 'requireServerTag', fallback: false, schema: bool, live: true },
  { key: 'types', fallback: ['*/*'], schema: types, live: true },
  { key: 'policy', fallback: [], schema: { type: 'array', items: policyRule }, live: true },
  { key: 'retention', fallback: [], schema: { type: 'array', items: retentionRule } },
]

/** The value at a dotted key; `undefined` where the path breaks off. */
export function valueAt (tree: unknown, key: string): unknown {
  return key.split('.').reduce<unknown>((branch, name) => (branch as Record<string, unknown> | null | undefined)?.[name], tree)
}

/** Puts a value at a dotted key, growing the objects on the way. */
export function putAt (tree: Record<string, unknown>, key: string, value: unknown): void {
  const names = key.split('.')
  const last = names.pop() as string
  let branch = tree
  for (const name of names) branch = (branch[name] ??= {}) as Record<string, unknown>
  branch[last] = value
}

/** The schema of one layer (the file, or what the environment says): every key may be absent, none may be unknown. */
export function buildSchema (): object {
  const properties: Record<string, unknown> = {}
  for (const { key, schema } of FIELDS) putAt(properties, key.replaceAll('.', '.properties.'), schema)
  for (const property of Object.values(properties) as Record<string, unknown>[]) {
    if (property['properties'] !== undefined) Object.assign(property, { type: 'object', additionalProperties: false })
  }
  return { type: 'object', additionalProperties: false, properties }
}
