// What a token must say at each blob endpoint: BUD-11's table as data, and what a NIP-98 token adds (design §4). Pure.
// The guard reads it; no endpoint repeats it.

/** The `t` tag of a kind 24242 token. */
export type Verb = 'get' | 'upload' | 'list' | 'delete' | 'media'

/** Where the hash comes from that the `x` tags must cover; `body` is the hash of the bytes that arrive. */
export type HashSource = 'path' | 'x-sha-256' | 'body' | 'none'

export type EndpointName = 'get' | 'head' | 'upload' | 'uploadPreflight' | 'mirror' | 'media' | 'mediaPreflight' | 'list' | 'delete'

export interface Endpoint {
  readonly verb: Verb
  readonly hash: HashSource
  /** The token MUST have an `x` tag with that hash; otherwise only an `x` tag that is there must cover it. */
  readonly hashRequired: boolean
  /** The call changes something, so a NIP-98 id seen before is refused. */
  readonly changes: boolean
  /**
   * What the `payload` tag of a NIP-98 token must hash, where the URL does not name the blob: the blob itself (on a HEAD, equal
   * to X-SHA-256) or the JSON body.
   */
  readonly payload: 'none' | 'blob' | 'json'
}

export const ENDPOINTS: Readonly<Record<EndpointName, Endpoint>> = {
  get: { verb: 'get', hash: 'path', hashRequired: false, changes: false, payload: 'none' },
  head: { verb: 'get', hash: 'path', hashRequired: false, changes: false, payload: 'none' },
  upload: { verb: 'upload', hash: 'x-sha-256', hashRequired: true, changes: true, payload: 'blob' },
  uploadPreflight: { verb: 'upload', hash: 'x-sha-256', hashRequired: true, changes: false, payload: 'blob' },
  mirror: { verb: 'upload', hash: 'body', hashRequired: true, changes: true, payload: 'json' },
  media: { verb: 'media', hash: 'x-sha-256', hashRequired: true, changes: true, payload: 'blob' },
  mediaPreflight: { verb: 'media', hash: 'x-sha-256', hashRequired: true, changes: false, payload: 'blob' },
  list: { verb: 'list', hash: 'none', hashRequired: false, changes: false, payload: 'none' },
  delete: { verb: 'delete', hash: 'path', hashRequired: true, changes: true, payload: 'none' },
}
