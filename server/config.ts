// Configuration, design §6: defaults, then the JSON file, then the environment by the table in config-fields.ts.
// Unknown keys and bad values are errors wherever they stand, even where a later layer would win; all are reported at once, and no
// message repeats a value. Only main.ts holds the whole Config; each part is given its own slice.
import { Ajv } from 'ajv'
import type { DefinedError, ErrorObject, SchemaValidateFunction } from 'ajv'
import { buildSchema, FIELDS, putAt, valueAt } from './config-fields.ts'
import { defaults, pointer, readEnvironment, readFile } from './config-layers.ts'
import type { Environment, Layer } from './config-layers.ts'
import { MEANINGS, originOf } from './config-values.ts'
import { ConfigError } from './errors.ts'

/** One rule of the upload policy; which uploads it is about, how large they may be, and what a refused one is told. */
export interface PolicyRule {
  /** Lowercase hex. */
  readonly pubkeys?: readonly string[]
  readonly types?: readonly string[]
  /** Bytes. */
  readonly maxSize?: number
  readonly deny?: string
}

/** How long which blobs are kept; without `keep` and `keepUnread` for ever. */
export interface RetentionRule {
  readonly types?: readonly string[]
  /** Lowercase hex. */
  readonly pubkeys?: readonly string[]
  /** Bytes. */
  readonly minSize?: number
  /** Seconds, after the upload and after the last read. */
  readonly keep?: number
  readonly keepUnread?: number
}

export interface Config {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** An origin, without trailing slash. */
  readonly publicUrl: string
  /** Whether `publicUrl` was configured rather than made of host and port. */
  readonly publicUrlGiven: boolean
  /** Other origins, or domains with or without a port, that are ours too. */
  readonly aliases: readonly string[]
  /** Absolute. */
  readonly dataDir: string
  readonly store: 'fs' | 'minio'
  /** With `store: 'minio'` endpoint and keys are never null. */
  readonly minio: {
    readonly endpoint: string | null
    readonly accessKey: string | null
    readonly secretKey: string | null
    readonly bucket: string
    readonly region: string
  }
  /** ws and wss URLs as nostr-tools' `normalizeURL` spells them. */
  readonly relays: readonly string[]
  /** Looks now and then whether other providers have what they say. */
  readonly probeProviders: boolean
  /** Lowercase hex. */
  readonly nodeKey: string | null
  /** Lowercase hex, as the other lists of keys. */
  readonly uploadPubkeys: readonly string[]
  readonly readPubkeys: readonly string[]
  readonly adminPubkeys: readonly string[]
  readonly titlePubkeys: readonly string[]
  readonly releaseRoot: readonly string[]
  readonly timestampKey: string | null
  /** Bytes, as the other sizes and limits. */
  readonly maxBlobSize: number
  /** Null, as the next three: no limit. */
  readonly maxKeyBytes: number | null
  readonly maxKeyBlobs: number | null
  readonly maxStoreBytes: number | null
  readonly maxStoreBlobs: number | null
  /** Bytes; null: a twentieth of the disk, at most 1 GiB. */
  readonly diskReserve: number | null
  /** Under way at once, and waiting besides. */
  readonly maxUploads: number
  readonly maxWaitingUploads: number
  readonly inlineLimit: number
  readonly cacheSize: number
  /** Bytes a second; null or 0: no scrub. */
  readonly scrubRate: number | null
  /** Milliseconds. */
  readonly scrubEvery: number
  /** Origins that damaged blobs are fetched from. */
  readonly mirrors: readonly string[]
  readonly mirrorAllowPrivate: boolean
  /** Reads of blobs that are not here, and that the catalog names, are fetched from providers. */
  readonly fillMisses: boolean
  readonly rateLimit: boolean
  /** Addresses and CIDR ranges whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[]
  /** So many a minute; null: no limit. */
  readonly rates: {
    readonly keyChanges: number | null
    readonly addressChanges: number | null
    readonly addressAsks: number | null
    readonly failedTokens: number | null
    readonly addressFilmKeys: number | null
    readonly keyFilmKeys: number | null
  }
  /** Film keys of one title, and of all titles of one creator. */
  readonly maxTitleKeys: number
  readonly maxCreatorKeys: number
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
  /** Milliseconds. */
  readonly idleTimeout: number
  /** Milliseconds. */
  readonly shutdownTimeout: number
  readonly workers: number
  readonly metricsToken: string | null
  /** Who sends blobs in our place. `x-accel` goes with the store `fs` and has a secret, `redirect` with `minio`. */
  readonly offload: {
    readonly mode: 'off' | 'x-accel' | 'redirect'
    /** The internal location of nginx, from slash to slash. */
    readonly prefix: string
    readonly secret: string | null
    /** An origin: where clients reach the store. */
    readonly endpoint: string | null
  }
  /** What PUT /media works on, and what one job may cost. Sizes in bytes, time in milliseconds; `ffmpeg` and `ffprobe` are names or paths of programs. */
  readonly media: {
    readonly enabled: boolean
    readonly maxSize: number
    readonly maxPixels: number
    readonly maxSide: number
    readonly format: 'webp' | 'same'
    readonly jobs: number
    readonly waiting: number
    readonly time: number
    readonly memory: number
    readonly ffmpeg: string
    readonly ffprobe: string
  }
  readonly foreignBlobs: boolean
  /** Only hashes on the list of `marquee allow` are stored and served. */
  readonly allowListOnly: boolean
  /** Uploads without a token are taken. */
  readonly anonymousUploads: boolean
  /** Who may list a key's blobs. */
  readonly list: 'owner' | 'public' | 'off'
  /** A delete token must carry a `server` tag. */
  readonly requireServerTag: boolean
  /** Lowercase patterns: type/subtype, type/* or *\/*. */
  readonly types: readonly string[]
  readonly policy: readonly PolicyRule[]
  readonly retention: readonly RetentionRule[]
}

// the schema of schemas is the test's to ask: compiling it costs a start more than all else here
const ajv = new Ajv({ allErrors: true, strict: true, validateSchema: false, meta: false })
// A schema that says `becomes: 'size'` has its value checked by that meaning and replaced with what it parses to.
const become: SchemaValidateFunction = (name: string, value: unknown, _schema, place) => {
  const meaning = MEANINGS[name.replace('?', '')]
  if (meaning === undefined || place === undefined) throw new TypeError(`no such meaning: ${name}`)
  if (value === null && name.endsWith('?')) return true
  const parsed = meaning.parse(value)
  if (parsed === undefined) {
    become.errors = [{ keyword: 'becomes', message: meaning.words, params: {} }]
    return false
  }
  place.parentData[place.parentDataProperty] = parsed
  return true
}
ajv.addKeyword({ keyword: 'becomes', schemaType: 'string', modifying: true, errors: true, validate: become })
const validate = ajv.compile(buildSchema())

function describe (fault: ErrorObject, layer: Layer): string {
  const { instancePath: place, message, keyword, params } = fault as DefinedError
  const field = FIELDS.find(({ key }) => place === pointer(key) || place.startsWith(`${pointer(key)}/`))
  const source = layer.source(field?.key ?? '')
  if (keyword === 'additionalProperties') return `${place}/${params.additionalProperty} is not a known key (${source})`
  if (keyword === 'enum') return `${place} must be one of ${params.allowedValues.join(', ')} (${source})`
  return `${place === '' ? '/' : place} ${message} (${source})`
}

function deepFreeze<T> (value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze)
  return value
}

/**
 * Reads the configuration from a JSON file (`null`: none) and the environment. The result is frozen through and through.
 * Throws one ConfigError with every problem, each as `/place what is wrong (source)`.
 */
export function loadConfig ({ file, env }: { file: string | null, env: Environment }): Config {
  const unread = new Map<string, string>()
  const layers = [defaults(), ...(file === null ? [] : [readFile(file, unread)]), readEnvironment(env, unread)]
  const problems = [...unread].map(([place, problem]) => `${place} ${problem}`.trim())
  for (const layer of layers) {
    if (!validate(layer.values)) problems.push(...(validate.errors ?? []).map(fault => describe(fault, layer)))
  }

  const settings: Record<string, unknown> = {}
  const sources = new Map<string, string>()
  for (const { key } of FIELDS) {
    const layer = layers.findLast(({ values }) => valueAt(values, key) !== undefined)
    const value = valueAt(layer?.values, key)
    const plain = Array.isArray(value) && value.every(item => typeof item === 'string')
    putAt(settings, key, plain ? [...new Set(value)] : value)
    sources.set(key, layer?.source(key) ?? 'default')
  }
  for (const [switched, to, key] of NEEDED) {
    if (valueAt(settings, switched) !== to || valueAt(settings, key) !== null || unread.has(pointer(key))) continue
    const name = FIELDS.find(field => field.key === key)?.env
    problems.push(`${pointer(key)} must be set, in the file or by env ${name}, as ${pointer(switched)} is ${to} (${sources.get(switched)})`)
  }
  for (const [mode, store] of OFFLOADS) {
    if (valueAt(settings, 'offload.mode') !== mode || settings['store'] === store) continue
    problems.push(`/offload/mode may be ${mode} only where /store is ${store} (${sources.get('offload.mode')})`)
  }
  const readers = settings['readPubkeys']
  if (Array.isArray(readers) && readers.length > 0 && valueAt(settings, 'offload.mode') !== 'off') {
    // nginx's cache and a presigned URL ask nobody for a token
    problems.push(`/offload/mode must be off where /readPubkeys names who may read (${sources.get('offload.mode')})`)
  }
  if (problems.length > 0) throw new ConfigError(problems)

  if (settings['store'] === 'minio' && sources.get('inlineLimit') === 'default') settings['inlineLimit'] = BUCKET_INLINE_LIMIT
  const given = settings['publicUrl'] as string | null
  settings['publicUrl'] = given ?? originOf(settings['host'] as string, settings['port'] as number)
  return deepFreeze({ ...settings, publicUrlGiven: given !== null }) as unknown as Config
}

/** In a bucket a pack is one more request, which costs more than 16 KiB in both records do. */
const BUCKET_INLINE_LIMIT = 16 * 1024

/** Where the first is the second, the third must not be null. */
const NEEDED = [
  ['store', 'minio', 'minio.endpoint'], ['store', 'minio', 'minio.accessKey'], ['store', 'minio', 'minio.secretKey'],
  ['offload.mode', 'x-accel', 'offload.secret'],
] as const

/** nginx sends files, and only an object store has URLs to be sent to. */
const OFFLOADS = [['x-accel', 'fs'], ['redirect', 'minio']] as const

/** What `marquee config` prints: the whole Config as a plain object, every secret that is set as `***`. */
export function starConfig (config: Config): unknown {
  const shown = structuredClone(config) as unknown as Record<string, unknown>
  for (const { key, secret } of FIELDS) {
    if (secret === true && valueAt(shown, key) !== null) putAt(shown, key, '***')
  }
  return shown
}
