// What can go wrong, in one table: a stable code, the HTTP status, and the sentence a person reads in `X-Reason`.
// `Failure` is the client's to see; `StoreError` is ours to log (the client gets STORE_FAILED); `ConfigError` ends the start.

export const FAILURES = {
  PATH_UNKNOWN: [404, 'nothing is served here'],
  PATH_INVALID: [400, 'the path is not well formed'],
  REQUEST_INVALID: [400, 'the request is not well formed'],
  BODY_INVALID: [400, 'the body is not well formed'],
  HASH_INVALID: [400, 'sha256 must be 64 hex digits'],
  HASH_MISSING: [400, 'X-SHA-256 is required here'],
  KEY_ID: [400, 'the id of a film key is 16 lower-case hex digits'],
  TITLE_NAME: [400, 'a title is named 34235:pubkey:d or naddr1'],
  LENGTH_INVALID: [400, 'the length must be a whole number of bytes'],
  LENGTH_MISSING: [411, 'X-Content-Length is required here'],
  LENGTH_WRONG: [400, 'the body is not as long as announced'],
  BODY_BROKEN: [400, 'the body broke off'],
  TYPE_INVALID: [400, 'the content type is not well formed'],
  EXPIRATION_INVALID: [400, 'X-Expiration must be a time to come, in unix seconds'],
  QUERY_INVALID: [400, 'the query is not well formed'],
  URL_INVALID: [400, 'url must be an absolute http or https URL'],
  LIST_OFF: [404, 'this server keeps no public lists'],
  CURSOR_UNKNOWN: [400, 'cursor names no blob of this list'],
  REPORT_INVALID: [400, 'the body must be a signed kind 1984 event with x tags'],
  TOKEN_MISSING: [401, 'an authorization token is required'],
  TOKEN_MALFORMED: [401, 'the authorization token is not well formed'],
  TOKEN_KIND: [401, 'the authorization token is of the wrong kind'],
  TOKEN_FUTURE: [401, 'the authorization token is from the future: check the clock'],
  TOKEN_EXPIRED: [401, 'the authorization token has expired'],
  TOKEN_EXPIRATION: [401, 'the authorization token needs one numeric expiration'],
  TOKEN_VERB: [401, 'the authorization token is for another action'],
  TOKEN_SERVER: [401, 'the authorization token is for another server'],
  TOKEN_HASH: [401, 'the authorization token does not cover this sha256'],
  TOKEN_SIGNATURE: [401, 'the authorization token is not signed by its key'],
  TOKEN_URL: [401, 'the authorization token is for another URL'],
  TOKEN_METHOD: [401, 'the authorization token is for another method'],
  TOKEN_STALE: [401, 'the authorization token is more than 60 seconds off: check the clock'],
  TOKEN_PAYLOAD: [401, 'the payload tag does not match the body'],
  TOKEN_REPLAYED: [401, 'this authorization token was used before'],
  KEY_SESSION: [401, 'the session token is not one of this server'],
  METRICS_TOKEN: [401, 'the metrics need their bearer token'],
  KEY_REFUSED: [403, 'this key may not do this here'],
  HASH_NOT_ALLOWED: [403, 'this blob is not on the list of those taken here'],
  HASH_BLOCKED: [403, 'this blob is blocked here'],
  ORIGIN_FORBIDDEN: [403, 'this address is not fetched from'],
  NOT_OWNER: [403, 'this key does not own the blob'],
  LIST_REFUSED: [403, 'only the owner may list these blobs'],
  NOT_CREATOR: [403, 'only the creator of the title may do this'],
  KEY_NOT_GRANTED: [403, 'the creator of the title has not let this key have it'],
  KEY_OTHER_TITLE: [403, 'the session is for another title'],
  METRICS_LOCAL: [403, 'the metrics are for this machine only'],
  BLOB_UNKNOWN: [404, 'blob not found'],
  REPORT_UNKNOWN: [404, 'there is no such report'],
  HASH_UNRESOLVED: [404, 'providers are asked by sha256, and nothing here names the one of this BLAKE3'],
  MIRROR_UNKNOWN: [404, 'there is no such mirror job'],
  KEY_UNKNOWN: [404, 'there is no such film key here'],
  TITLE_KEYLESS: [404, 'there are no keys of this title here'],
  HASH_MISMATCH: [409, 'the bytes do not have the announced sha256'],
  HEAD_STALLED: [408, 'the request head stood still for too long'],
  BODY_STALLED: [408, 'the body stood still for too long'],
  KEY_TAKEN: [409, 'this id is taken'],
  TITLE_GONE: [410, 'the title was withdrawn'],
  PRECONDITION_FAILED: [412, 'the condition of the request does not hold'],
  TOO_LARGE: [413, 'the blob is larger than this server takes'],
  BODY_TOO_LARGE: [413, 'the request body is too large'],
  KEYS_FULL: [413, 'there are as many film keys here as are taken'],
  KEY_FULL: [413, 'this key has no more room here'],
  STORE_FULL: [413, 'this server has no more room'],
  PATH_TOO_LONG: [414, 'the path is too long'],
  TYPE_REFUSED: [415, 'this server does not take this content type'],
  MEDIA_REFUSED: [415, 'only pictures (JPEG, PNG, WebP, AVIF, GIF) and videos (MP4, QuickTime, WebM, Matroska) are worked on here'],
  MEDIA_NO_FFMPEG: [415, 'videos are not worked on here: this server has no ffmpeg'],
  RANGE_INVALID: [416, 'the range lies outside the blob'],
  MEDIA_DAMAGED: [422, 'the picture or video is damaged'],
  MEDIA_COSTLY: [422, 'the picture or video takes more than this server gives to one'],
  RATE_LIMITED: [429, 'too many requests'],
  MIRRORS_FULL: [429, 'as many mirror jobs are running as may'],
  HEADERS_TOO_LARGE: [431, 'the request headers are too large'],
  INTERNAL: [500, 'the server failed'],
  ORIGIN_FAILED: [502, 'the origin did not deliver the blob'],
  BLOB_DAMAGED: [503, 'the blob is damaged here, and waits to be repaired'],
  DATABASE_FAILED: [503, 'the database does not answer'],
  STORE_FAILED: [503, 'storage is unavailable'],
  KEY_SEALED_ELSEWHERE: [503, 'the film key was sealed under another node key: its creator must hand it in again'],
  KEY_DAMAGED: [503, 'the film key is damaged here: its creator must hand it in again'],
  QUEUE_FULL: [503, 'too many uploads are waiting'],
  MEDIA_BUSY: [503, 'too many pictures and videos are being worked on'],
  BLOB_COMING: [503, 'the blob is being fetched: ask again'],
  CLOSING: [503, 'the server is closing'],
  DISK_RESERVED: [507, 'the disk is nearly full'],
  DISK_FULL: [507, 'the disk is full'],
} as const satisfies Record<string, readonly [number, string]>

export type FailureCode = keyof typeof FAILURES

/** A refusal the client may see: its status, its stable code and one sentence (design §1.7). */
export class Failure extends Error {
  readonly code: FailureCode
  readonly status: number
  /** Headers this refusal carries besides `X-Reason`, e.g. Content-Range on 416. */
  readonly headers: Readonly<Record<string, string>>

  constructor (code: FailureCode, detail?: string, options: { cause?: unknown, headers?: Record<string, string> } = {}) {
    const [status, sentence] = FAILURES[code]
    super(detail === undefined ? sentence : `${sentence}: ${detail}`, { cause: options.cause })
    this.name = 'Failure'
    this.code = code
    this.status = status
    this.headers = options.headers ?? {}
  }
}

/** What the system says where no connection was made. */
const NO_CONNECTION: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

/** A backend broke: which store, what it was doing, to which key. Never "not found", which is `null`. */
export class StoreError extends Error {
  readonly store: string
  readonly action: string
  readonly key: string

  constructor (store: string, action: string, key: string, cause: unknown) {
    super(`${store} store: ${action} ${key}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.name = 'StoreError'
    this.store = store
    this.action = action
    this.key = key
  }

  /** A removal broke off along with it, and may still be done: set by who asked for it. */
  removing = false

  /** Whether the store said nothing in time (stores/s3/patience.ts): what was asked of it may still be done. */
  get unheard (): boolean {
    return this.#because((cause) => cause.name === 'Silent')
  }

  /** Whether it is sure that what was asked is not done: the store said no in its own words, or there was no connection to ask it by. */
  get isUndone (): boolean {
    return this.#because(({ code, status }) => typeof code === 'string' && (status === undefined ? NO_CONNECTION.has(code) : code !== '' && status !== 500))
  }

  #because (is: (cause: Error & { code?: unknown, status?: unknown }) => boolean): boolean {
    for (let cause = this.cause; cause instanceof Error; cause = cause.cause) if (is(cause)) return true
    return false
  }
}

/** Everything wrong with the configuration, at once; the start ends with exit code 2. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor (problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** `X-Reason` is one line of printable ASCII: Node refuses other header values and the answer would lose its headers. */
export function oneLine (text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, '?').slice(0, 300)
}
