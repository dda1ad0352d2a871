// ★ Small objects by key: index records, owners and state lie in these, on every kind of store. What each method promises
// is proved by test/suites/objects.suite.ts over memory, filesystem and MinIO.

export interface ObjectEntry {
  key: string
  /** Bytes. */
  size: number
  /** When it was last written, in unix milliseconds by the store's clock. */
  modified: number
}

export interface Objects {
  /** 'fs', 'minio' or 'memory': for errors and logs. */
  readonly name: string
  /** The whole object, or null when there is none. Anything else is a StoreError. */
  get: (key: string) => Promise<Uint8Array | null>
  /** Writes or replaces, whole or not at all; durable (survives a power cut) when it resolves. */
  put: (key: string, bytes: Uint8Array) => Promise<void>
  /** Writes only if there is none: true when this call made it. Durable either way. */
  add: (key: string, bytes: Uint8Array) => Promise<boolean>
  /** True when there was one. Durable when it resolves. */
  remove: (key: string) => Promise<boolean>
  /**
   * Every object whose key begins with `prefix` (which ends in `/`), in no promised order. With `after`: those whose keys come after it in the
   * order of their bytes, and in that order.
   */
  list: (prefix: string, after?: string) => AsyncIterable<ObjectEntry>
  /** The names directly below `prefix` (which ends in `/`), of objects and of what has objects below it, each once. */
  names: (prefix: string) => AsyncIterable<string>
}
